"""From declarations to the manifest."""

from lamppost.declare import limits
from lamppost.declare.alarms import Alarm
from lamppost.declare.bucket import Bucket
from lamppost.declare.cors import Cors
from lamppost.declare.identity import Authorizer
from lamppost.declare.problems import Problems
from lamppost.declare.rates import Rate
from lamppost.declare.service import Database, Function, Handler, Queue, Route, Service, System
from lamppost.derive.manifest import (
    AlarmEntry,
    AuthorizerEntry,
    BucketEntry,
    CorsEntry,
    DatabaseEntry,
    FunctionEntry,
    Kind,
    Manifest,
    ParameterEntry,
    ProblemsEntry,
    QueueEntry,
    RateEntry,
    RouteEntry,
    ScheduleEntry,
    SecretEntry,
    ServiceEntry,
)
from lamppost.derive.signature import parameters
from lamppost.errors import AuthorError


def describe(system: System, folders: dict[str, str]) -> Manifest:
    """The manifest of `system`; `folders` says where each service stands in the repository."""
    databases = {
        service.database.name: _database(service.database) for service in system.services if service.database
    }
    return Manifest(
        tuple(
            _service(service, folders[service.name], tuple(databases.values())) for service in system.services
        )
    )


def _service(service: Service, folder: str, databases: tuple[DatabaseEntry, ...]) -> ServiceEntry:
    return ServiceEntry(
        name=service.name,
        prefix=service.prefix or service.name,
        about=service.about,
        folder=folder,
        database=_database(service.database) if service.database else None,
        functions=tuple(_function(service, function, databases) for function in service.functions),
        schedules=tuple(
            ScheduleEntry(schedule.runs.name, int(schedule.every.total_seconds()))
            for schedule in service.schedules
        ),
        queues=tuple(_queue(queue) for queue in service.queues),
        parameters=tuple(ParameterEntry(p.name, p.about, p.local) for p in service.parameters),
        secrets=tuple(SecretEntry(s.name, s.about) for s in service.secrets),
        environment=service.environment,
        authorizer=_authorizer(service.authorizer) if service.authorizer else None,
        tenants=service.tenants,
        idempotency_keep=service.idempotency_keep.total_seconds(),
        problems=_problems(service.problems) if service.problems else None,
        cors=_cors(service.cors, service) if service.cors else None,
        buckets=tuple(_bucket(bucket) for bucket in service.buckets),
        alarms=tuple(_alarm(alarm) for alarm in service.alarms),
        operations=service.operations.name if service.operations else None,
    )


def _authorizer(authorizer: Authorizer) -> AuthorizerEntry:
    return AuthorizerEntry(
        audience=authorizer.audience,
        lifetime=authorizer.lifetime.total_seconds(),
        local=authorizer.local,
        function=authorizer.function.name if authorizer.function else None,
        cache=authorizer.cache.total_seconds(),
    )


def _cors(cors: Cors, service: Service) -> CorsEntry:
    routes = [route for function in service.functions for route in function.routes]
    methods = cors.methods or sorted({method for route in routes for method in _answered(route)})
    read = {each.header for route in routes for each in parameters(route.handler, route.path) if each.header}
    named = {name.lower() for name in cors.headers}
    return CorsEntry(
        origins=cors.origins,
        methods=tuple(methods),
        headers=cors.headers if "*" in named else (*cors.headers, *sorted(read - named)),
        expose=cors.expose,
        credentials=cors.credentials,
        max_age=int(cors.max_age.total_seconds()),
        local=cors.local,
    )


def _answered(route: Route) -> tuple[str, ...]:
    if route.method == "ANY":
        return ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
    return ("GET", "HEAD") if route.method == "GET" else (route.method,)


def _problems(problems: Problems) -> ProblemsEntry:
    return ProblemsEntry(
        module=problems.shape.__module__,
        shape=problems.shape.__name__,
        statuses=problems.statuses,
        media=problems.media,
    )


def _database(database: Database) -> DatabaseEntry:
    return DatabaseEntry(database.name, database.secret)


def _function(service: Service, function: Function, databases: tuple[DatabaseEntry, ...]) -> FunctionEntry:
    handlers = [function.handler] if function.handler else [route.handler for route in function.routes]
    secrets = {secret.name for secret in service.secrets}
    return FunctionEntry(
        name=function.name,
        named=service.function_name(function),
        kind=_kind(service, function),
        module=_module(function, handlers),
        handler=handlers[0].__name__ if function.handler else "",
        routes=tuple(_route(route, service) for route in function.routes),
        timeout=function.timeout.total_seconds(),
        memory_mb=function.memory_mb,
        concurrency=function.concurrency,
        internet=function.internet,
        database=function.database and service.database is not None,
        sends=function.sends,
        reads_parameters=tuple(name for name in function.reads if name not in secrets),
        reads_secrets=tuple(name for name in function.reads if name in secrets),
        migrates=databases if function.migrates else (),
        stores=function.stores,
        deletes=function.deletes,
    )


def _kind(service: Service, function: Function) -> Kind:
    if function.routes:
        return "http"
    if any(queue.runs is function for queue in service.queues):
        return "queue"
    if any(schedule.runs is function for schedule in service.schedules):
        return "schedule"
    return "invoke"


def _module(function: Function, handlers: list[Handler]) -> str:
    for handler in handlers:
        name = getattr(handler, "__qualname__", repr(handler))
        if not name.isidentifier():
            raise AuthorError(
                f"function {function.name!r} has the handler {name}, which no module holds by its name",
                fix="write it with def, at the top of a module",
            )
    modules = {handler.__module__ for handler in handlers}
    if len(modules) > 1:
        raise AuthorError(
            f"function {function.name!r} has handlers in {', '.join(sorted(modules))}",
            fix="keep a function's handlers in one module: a cold start loads that module only",
        )
    return modules.pop()


def _route(route: Route, service: Service) -> RouteEntry:
    return RouteEntry(
        route.method,
        route.path,
        route.handler.__name__,
        route.status,
        public=route.public or service.authorizer is None,
        scopes=route.scopes,
        key_required=route.idempotency == "required",
        rate=_rate(rate) if (rate := service.rate_of(route)) else None,
        body_limit=route.body_limit,
        refuses=route.refuses,
    )


def _rate(rate: Rate) -> RateEntry:
    return RateEntry(
        name=rate.name,
        count=rate.count,
        per=rate.per.total_seconds(),
        step=rate.per.total_seconds() / rate.count,
        burst=rate.most,
        stage_rate=rate.stage_rate,
        stage_burst=rate.stage_burst,
    )


def _queue(queue: Queue) -> QueueEntry:
    return QueueEntry(
        name=queue.name,
        runs=queue.runs.name if queue.runs else None,
        batch=queue.batch,
        concurrency=queue.concurrency,
        attempts=queue.attempts,
        keep=int(queue.keep.total_seconds()),
        dead_keep=int(queue.dead_keep.total_seconds()),
        visibility=int(queue.hidden.total_seconds()),
    )


def _bucket(bucket: Bucket) -> BucketEntry:
    return BucketEntry(
        name=bucket.name,
        about=bucket.about,
        keep=bucket.keep.days if bucket.keep else None,
        types=bucket.types,
        largest=bucket.largest,
        cors=bucket.cors,
        answers=limits.ANSWERS,
        answers_keep=limits.ANSWERS_KEEP.days,
    )


def _alarm(alarm: Alarm) -> AlarmEntry:
    return AlarmEntry(
        name=alarm.name,
        about=alarm.about,
        metric=alarm.metric,
        of=alarm.of,
        over=alarm.over,
        statistic=alarm.statistic,
        period=int(alarm.period.total_seconds()),
        periods=alarm.periods,
    )
