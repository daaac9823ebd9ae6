"""A service and its parts, checked the moment they are written down.

Every value is visible, nothing runs. `derive/` reads these; the runner and the
stacks read what `derive/` makes of them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal

import msgspec

from lamppost.declare import limits, names
from lamppost.declare.alarms import Alarm
from lamppost.declare.bucket import Bucket, place
from lamppost.declare.cors import Cors
from lamppost.declare.durations import hours, seconds
from lamppost.declare.identity import Authorizer
from lamppost.declare.problems import Problems
from lamppost.declare.rates import OFF, USUAL, Rate
from lamppost.declare.tenancy import Tenants
from lamppost.errors import AuthorError

Handler = Callable[..., Any]

_SERVICE_NAME = re.compile(r"^[a-z][a-z0-9]{0,29}$")
_PART_NAME = re.compile(r"^[a-z]([a-z0-9-]*[a-z0-9])?$")
_QUEUE_NAME = re.compile(r"^[A-Za-z0-9_{}-]+$")
_PARAMETER_NAME = re.compile(r"^(/[A-Za-z0-9_.{}-]+)+$")
_SECRET_NAME = re.compile(r"^[A-Za-z0-9/_+=.@{}-]+$")
_DATABASE_NAME = re.compile(r"^[a-z][a-z0-9_]{0,49}$")
_ROUTE = re.compile(r"^(GET|POST|PUT|PATCH|DELETE|ANY) (/\S*)$")
_REFUSAL = re.compile(r"^(4[0-9]{2}|503) ([A-Za-z][A-Za-z0-9_.-]*)$")
_SEGMENT = re.compile(r"^(\{[a-z_][a-z0-9_]*\+?\}|[A-Za-z0-9._~-]+)$")


class Route(msgspec.Struct, frozen=True):
    """One call an API answers: `Route("GET /user/{id}", api.get_user)`.

    `status` is what a returned value is sent with; a handler that returns None answers 204.
    A GET route answers HEAD too. Where the service has an authorizer, a `public` route asks for no token,
    and any other for one that carries all `scopes`.
    Every POST, PUT, PATCH and DELETE of a function with a database heeds an Idempotency-Key;
    `idempotency="required"` refuses requests without one. `rate` names the class whose bucket the route
    draws from; "off" exempts it from the service's. A body over `body_limit` bytes is refused with 413.

    `refuses` lists what the handler itself may refuse with, `("404 USER_NOT_FOUND",)`; what the platform
    refuses needs no word. Whatever else it raises is then a mistake: a 500 on one machine, a line in the log
    elsewhere. None leaves it unsaid. `answers` says by status what a handler's `Response` holds, where its
    return type cannot. `example` has a value for each of the handler's parameters, by name.
    """

    call: str
    handler: Handler
    status: int = 200
    public: bool = False
    scopes: tuple[str, ...] = ()
    idempotency: Literal["accepted", "required"] = "accepted"
    rate: str | None = None
    body_limit: int | None = None
    refuses: tuple[str, ...] | None = None
    answers: Mapping[int, Any] | None = None
    example: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        match = _ROUTE.match(self.call)
        if match is None:
            raise AuthorError(
                f"route {self.call!r} is not a method and a path",
                fix='write it like "GET /user/{id}"; methods are GET POST PUT PATCH DELETE ANY',
            )
        for segment in self.path.split("/")[1:] if self.path != "/" else ():
            if not _SEGMENT.match(segment):
                raise AuthorError(
                    f"route {self.call!r} has the segment {segment!r}",
                    fix="use letters, digits and ._~-, or a parameter such as {id}; no trailing slash",
                )
        if not 200 <= self.status <= 299:
            raise AuthorError(
                f"route {self.call!r} answers success with {self.status}",
                fix="give a status between 200 and 299; refusals are raised as CallerError",
            )
        if self.public and self.scopes:
            raise AuthorError(
                f"route {self.call!r} is public and asks for scopes",
                fix="leave out public=, or scopes=",
            )
        if self.idempotency == "required" and self.method not in limits.MUTATING:
            raise AuthorError(
                f"route {self.call!r} requires an Idempotency-Key, and {self.method} changes nothing",
                fix='leave out idempotency="required"',
            )
        if self.body_limit is not None and not 0 < self.body_limit <= limits.HTTP_BODY_BYTES:
            raise AuthorError(
                f"route {self.call!r} takes bodies of {self.body_limit} bytes; an HTTP API takes 1 to "
                f"{limits.HTTP_BODY_BYTES}",
                fix="change body_limit=",
            )
        for refusal in self.refuses or ():
            if not _REFUSAL.match(refusal):
                raise AuthorError(
                    f"route {self.call!r} refuses with {refusal!r}, which is not a status and a code",
                    fix='write it like "404 USER_NOT_FOUND"; statuses are 400 to 499, and 503',
                )

    @property
    def method(self) -> str:
        """GET, POST, PUT, PATCH, DELETE or ANY."""
        return self.call.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path template, `/user/{id}`."""
        return self.call.partition(" ")[2]


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A Lambda function: what it runs, what it may do, what it may cost.

    `sends` names queues, `reads` parameters and secrets, `stores` buckets or folders in them
    (`orders-files/invoices`): they become the IAM role, on AWS and locally. What an API function answers
    over 5 MB is kept in the first of its `stores`, and answered with a link. `deletes` names those of its
    `stores` where it may also remove objects. `internet` places it where it
    has egress. `concurrency` is reserved concurrency.
    The one that `migrates` carries every service's migrations, opens every database as its
    administrator, and goes round a proxy.
    """

    name: str
    handler: Handler | None = None
    routes: tuple[Route, ...] = ()
    timeout: timedelta = seconds(30)
    memory_mb: int = 512
    sends: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    internet: bool = False
    database: bool = True
    concurrency: int | None = None
    migrates: bool = False

    def __post_init__(self) -> None:
        _check_part("function", self.name)
        if (self.handler is None) == (not self.routes):
            raise AuthorError(
                f"function {self.name!r} has {'both routes and' if self.routes else 'neither routes nor'}"
                " a handler",
                fix="give it routes=(Route(...), ...) for an API, or handler=module.function for the rest",
            )
        _within(
            f"function {self.name!r} has a timeout of",
            self.timeout,
            limits.FUNCTION_TIMEOUT_MIN,
            limits.FUNCTION_TIMEOUT_MAX,
            "timeout=",
        )
        if self.routes and self.timeout > limits.HTTP_TIMEOUT:
            raise AuthorError(
                f"function {self.name!r} may run {self.timeout.total_seconds():.0f} s behind an HTTP API, "
                f"which answers 503 after {limits.HTTP_TIMEOUT.total_seconds():.0f} s",
                fix="lower timeout=, or queue the work and answer 202",
            )
        if self.routes and self.migrates:
            raise AuthorError(
                f"function {self.name!r} answers HTTP and migrates",
                fix="give migrating a function of its own, with handler=: nobody may call it over HTTP",
            )
        if not limits.FUNCTION_MEMORY_MB_MIN <= self.memory_mb <= limits.FUNCTION_MEMORY_MB_MAX:
            raise AuthorError(
                f"function {self.name!r} has {self.memory_mb} MB; Lambda allows "
                f"{limits.FUNCTION_MEMORY_MB_MIN} to {limits.FUNCTION_MEMORY_MB_MAX}",
                fix="change memory_mb=",
            )
        if self.concurrency is not None and self.concurrency < 1:
            raise AuthorError(
                f"function {self.name!r} reserves a concurrency of {self.concurrency}",
                fix="reserve at least 1, or leave concurrency= out",
            )
        for stored in self.stores:
            place(stored)
        for deleted in self.deletes:
            if deleted not in self.stores:
                raise AuthorError(
                    f"function {self.name!r} deletes in {deleted!r}, which is none of its stores",
                    fix=_closest(deleted, self.stores, "name the place in stores= as well"),
                )
        _distinct(f"function {self.name!r} has two routes for", (_shape(route) for route in self.routes))


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Runs a function at a steady pace. EventBridge Scheduler's grain is one minute."""

    every: timedelta
    runs: Function

    def __post_init__(self) -> None:
        if self.every < limits.SCHEDULE_MIN or self.every % limits.SCHEDULE_MIN:
            raise AuthorError(
                f"the schedule of {self.runs.name!r} ticks every {self.every}",
                fix="EventBridge counts in whole minutes: use minutes(1) or more",
            )


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A standard SQS queue with its dead letters, and the function it wakes.

    `batch` messages at most go to one invocation, `concurrency` invocations run at once.
    After `attempts` deliveries that failed, a message moves to `{name}-dlq`.
    `visibility` is six times the function's timeout unless said otherwise.
    """

    name: str
    runs: Function | None = None
    batch: int = 10
    concurrency: int = 10
    attempts: int = 5
    keep: timedelta = limits.RETENTION_DEFAULT
    dead_keep: timedelta = limits.RETENTION_MAX
    visibility: timedelta | None = None

    def __post_init__(self) -> None:
        what = f"queue {self.name!r}"
        if not _QUEUE_NAME.match(self.name) or len(names.dead_letters(self.name)) > limits.QUEUE_NAME_CHARS:
            raise AuthorError(
                f"{what}: SQS names hold letters, digits, - and _, {limits.QUEUE_NAME_CHARS} characters"
                " with the -dlq",
                fix="choose a shorter or simpler name",
            )
        if not 1 <= self.batch <= limits.SOURCE_BATCH_MAX:
            raise AuthorError(
                f"{what} has a batch of {self.batch}; Lambda takes 1 to 10,000", fix="change batch="
            )
        if not limits.SOURCE_CONCURRENCY_MIN <= self.concurrency <= limits.SOURCE_CONCURRENCY_MAX:
            raise AuthorError(
                f"{what} runs {self.concurrency} at once; an SQS event source takes 2 to 1,000",
                fix="change concurrency=",
            )
        if not 1 <= self.attempts <= limits.RECEIVES_MAX:
            raise AuthorError(
                f"{what} gives {self.attempts} attempts; SQS takes 1 to 1,000", fix="change attempts="
            )
        _within(f"{what} keeps messages", self.keep, limits.RETENTION_MIN, limits.RETENTION_MAX, "keep=")
        _within(
            f"{what} keeps dead letters",
            self.dead_keep,
            limits.RETENTION_MIN,
            limits.RETENTION_MAX,
            "dead_keep=",
        )
        if self.dead_keep <= self.keep:
            # A dead letter keeps the date it was first sent.
            raise AuthorError(
                f"{what} keeps dead letters {self.dead_keep} and messages {self.keep}: "
                "a letter could expire the moment it dies",
                fix="make dead_keep= longer than keep=",
            )
        if self.visibility is not None:
            _within(
                f"{what} hides messages for",
                self.visibility,
                timedelta(0),
                limits.VISIBILITY_MAX,
                "visibility=",
            )
        if self.runs is not None and self.visibility is not None:
            least = self._safe(self.runs)
            if self.visibility < least:
                raise AuthorError(
                    f"{what} hides a message for {self.visibility.total_seconds():.0f} s, and"
                    f" {self.runs.name!r} may work on it {self.runs.timeout.total_seconds():.0f} s:"
                    " it would be delivered twice",
                    fix=f"leave visibility= out, or make it at least {least.total_seconds():.0f} s"
                    " (AWS: six times the function's timeout)",
                )
        if self.hidden > limits.VISIBILITY_MAX:
            raise AuthorError(
                f"{what} would hide messages for {self.hidden}; SQS allows 12 hours",
                fix="lower the function's timeout=",
            )

    @property
    def hidden(self) -> timedelta:
        """How long a received message stays hidden: the queue's visibility timeout."""
        if self.visibility is not None:
            return self.visibility
        return self._safe(self.runs) if self.runs else limits.VISIBILITY_DEFAULT

    def _safe(self, function: Function) -> timedelta:
        """What nobody works on twice needs: AWS counts six runs, and the wait for a large batch."""
        return function.timeout * limits.VISIBILITY_PER_TIMEOUT + timedelta(seconds=self.window or 0)

    @property
    def window(self) -> int | None:
        """Seconds that a large batch is waited for: Lambda asks for one at least."""
        return 1 if self.batch > limits.SOURCE_BATCH_WITHOUT_WINDOW else None


class Parameter(msgspec.Struct, frozen=True):
    """A value the operator sets in Parameter Store. Nothing pre-creates it.

    `local` is the value it has on one machine until someone sets another;
    `{inbox}` in it becomes the webhook inbox's URL.
    """

    name: str
    about: str
    local: str | None = None

    def __post_init__(self) -> None:
        if not _PARAMETER_NAME.match(self.name) or len(self.name) > limits.PARAMETER_NAME_CHARS:
            raise AuthorError(
                f"parameter {self.name!r} is not a path",
                fix='write it like "/bday/webhook-url"',
            )


class Secret(msgspec.Struct, frozen=True):
    """A value in Secrets Manager. Where it has none yet, a random one is made."""

    name: str
    about: str

    def __post_init__(self) -> None:
        _check_secret_name(self.name)


class Database(msgspec.Struct, frozen=True):
    """A PostgreSQL database, and the secret that opens it (JSON: username, password, host, port, dbname)."""

    name: str
    secret: str

    def __post_init__(self) -> None:
        if not _DATABASE_NAME.match(self.name) or self.name in {"postgres", "template0", "template1"}:
            raise AuthorError(
                f"database {self.name!r}",
                fix="use lower-case letters, digits and _, and none of PostgreSQL's own names",
            )
        _check_secret_name(self.secret)


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one service consists of. Its tables live in the schema of its name.

    `named` is the pattern of its functions' names (`{function}`, and `{env}` where the seed
    has one); by default `{prefix}-{function}`. `environment` is added to every function's.
    `authorizer` guards every route that is not public; without one, callers are strangers.
    `tenants` says where memberships are, for `lamppost.db.tenant`.
    `rate` is the class of every route that names none, `rates` adds to the usual classes or replaces them
    (auth 5, api 100, bulk 10, webhook 50 a minute). An answer under an Idempotency-Key is kept for
    `idempotency_keep`. `problems` gives refusals another shape than RFC 9457's.
    `cors` lets pages of other origins call. `alarms` watch the service's own metrics, beside what every
    function and queue is watched for. `version` is the API's. `operations` names the function that
    answers operators (`lamppost deliveries`, `lamppost schedule`), in the words of `delivery.operations`.
    """

    name: str
    prefix: str = ""
    about: str = ""
    named: str = ""
    database: Database | None = None
    functions: tuple[Function, ...]
    schedules: tuple[Schedule, ...] = ()
    queues: tuple[Queue, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    secrets: tuple[Secret, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    authorizer: Authorizer | None = None
    tenants: Tenants | None = None
    rates: tuple[Rate, ...] = ()
    rate: str | None = None
    idempotency_keep: timedelta = hours(24)
    problems: Problems | None = None
    cors: Cors | None = None
    alarms: tuple[Alarm, ...] = ()
    version: str = "1.0.0"
    operations: Function | None = None

    def __post_init__(self) -> None:
        if not _SERVICE_NAME.match(self.name):
            raise AuthorError(
                f"service {self.name!r}: the name is also a folder and a schema",
                fix="use up to 30 lower-case letters and digits, a letter first",
            )
        _distinct(f"service {self.name!r} has two functions named", (f.name for f in self.functions))
        _distinct(f"service {self.name!r} has two queues named", (q.name for q in self.queues))
        _distinct(f"service {self.name!r} has two buckets named", (b.name for b in self.buckets))
        _distinct(f"service {self.name!r} has two parameters named", (p.name for p in self.parameters))
        _distinct(f"service {self.name!r} has two secrets named", (s.name for s in self.secrets))
        _distinct(f"service {self.name!r} has two alarms named", (a.name for a in self.alarms))
        _distinct(
            f"service {self.name!r} has two functions answering",
            (_shape(route) for function in self.functions for route in function.routes),
        )
        self._check_targets()
        self._check_operations()
        for function in self.functions:
            self._check_function(function)
        self._check_authorizer()
        _distinct(f"service {self.name!r} has two rates named", (rate.name for rate in self.rates))
        self._check_once_and_rates()

    def _check_targets(self) -> None:
        woken: dict[str, str] = {}
        wakers = [(q.runs, f"queue {q.name!r}") for q in self.queues if q.runs]
        wakers += [(s.runs, "a schedule") for s in self.schedules]
        for function, waker in wakers:
            if not any(function is mine for mine in self.functions):
                raise AuthorError(
                    f"{waker} of service {self.name!r} runs {function.name!r}, not one of its functions",
                    fix="add it to functions=, or name another",
                )
            if function.routes:
                raise AuthorError(
                    f"{waker} runs {function.name!r}, which answers HTTP",
                    fix="give the work a function of its own: one function, one kind of event",
                )
            kind = waker.partition(" ")[0]
            if woken.setdefault(function.name, kind) != kind:
                raise AuthorError(
                    f"{function.name!r} is run by a queue and by a schedule",
                    fix="give each a function of its own: one function, one kind of event",
                )

    def _check_operations(self) -> None:
        asked = self.operations
        if asked is None:
            return
        woken = [*(queue.runs for queue in self.queues), *(schedule.runs for schedule in self.schedules)]
        if asked.routes or asked in woken or not any(asked is mine for mine in self.functions):
            raise AuthorError(
                f"operators of service {self.name!r} ask {asked.name!r}",
                fix="name one of the service's functions that has a handler, and no queue and no schedule",
            )

    def _check_function(self, function: Function) -> None:
        name = self.function_name(function)
        if len(names.failures(names.physical(name, "staging"))) > limits.FUNCTION_NAME_CHARS:
            raise AuthorError(
                f"function {name!r} is too long for Lambda's {limits.FUNCTION_NAME_CHARS} characters",
                fix="shorten the function's or the service's name",
            )
        known = {p.name for p in self.parameters} | {s.name for s in self.secrets}
        for setting in function.reads:
            if setting not in known:
                raise AuthorError(
                    f"function {function.name!r} reads {setting!r}, which service {self.name!r} lacks",
                    fix=_closest(setting, known, "declare it in parameters= or secrets="),
                )
        buckets = {bucket.name for bucket in self.buckets}
        for bucket, _ in map(place, function.stores):
            if bucket not in buckets:
                raise AuthorError(
                    f"function {function.name!r} stores in {bucket!r}, which service {self.name!r} lacks",
                    fix=_closest(bucket, buckets, "declare it with Bucket(...) in buckets="),
                )

    def _check_authorizer(self) -> None:
        if self.authorizer is None:
            for route in (route for function in self.functions for route in function.routes):
                if route.scopes:
                    raise AuthorError(
                        f"route {route.call!r} asks for scopes, and service {self.name!r} knows no callers",
                        fix="give the service authorizer=Authorizer(...)",
                    )
        elif self.authorizer.function is not None:
            judge = self.authorizer.function
            if judge.routes or not any(judge is mine for mine in self.functions):
                raise AuthorError(
                    f"the authorizer of service {self.name!r} runs {judge.name!r}",
                    fix="name one of the service's functions that has a handler and no routes",
                )

    def _check_once_and_rates(self) -> None:
        if not limits.IDEMPOTENCY_KEEP_MIN <= self.idempotency_keep <= limits.IDEMPOTENCY_KEEP_MAX:
            raise AuthorError(
                f"service {self.name!r} keeps answers for {self.idempotency_keep}",
                fix=f"keep them {limits.IDEMPOTENCY_KEEP_MIN} to {limits.IDEMPOTENCY_KEEP_MAX}",
            )
        for function, route in ((f, route) for f in self.functions for route in f.routes):
            wants = "requires keys" if route.idempotency == "required" else ""
            if self.rate_of(route) is not None:
                wants = "counts calls"
            if wants and (self.database is None or not function.database):
                raise AuthorError(
                    f"route {route.call!r} of {function.name!r} {wants}, which takes a database",
                    fix="give the service database=Database(...), and the function not database=False",
                )

    def rate_of(self, route: Route) -> Rate | None:
        """The class whose bucket `route` draws from. Raises `AuthorError` for a name that no class has."""
        wanted = route.rate or self.rate
        if wanted is None or wanted == OFF:
            return None
        classes = {rate.name: rate for rate in (*USUAL, *self.rates)}
        if wanted not in classes:
            raise AuthorError(
                f"route {route.call!r} of service {self.name!r} has the rate {wanted!r}, which is no class",
                fix=_closest(wanted, classes, f"add Rate({wanted!r}, 100) to rates="),
            )
        return classes[wanted]

    def function_name(self, function: Function) -> str:
        """The function's logical name on AWS, `bday-scheduler` or `barkbase-{env}-backend`."""
        pattern = self.named or f"{self.prefix or self.name}-{{function}}"
        return pattern.replace("{function}", function.name)


class System(msgspec.Struct, frozen=True):
    """All services of one repository, checked against each other."""

    services: tuple[Service, ...]

    def __post_init__(self) -> None:
        _distinct("two services are named", (service.name for service in self.services))
        _distinct("two services declare the queue", (q.name for s in self.services for q in s.queues))
        _distinct("two services declare the bucket", (b.name for s in self.services for b in s.buckets))
        _distinct(
            "two functions migrate this",
            ("system" for service in self.services for function in service.functions if function.migrates),
        )
        secrets: dict[str, str] = {}
        for service in self.services:
            if service.database is None:
                continue
            database, secret = service.database.name, service.database.secret
            if secrets.setdefault(database, secret) != secret:
                raise AuthorError(
                    f"database {database!r} has two secrets, {secrets[database]!r} and {secret!r}",
                    fix="name the same secret in each service that shares the database",
                )
        self._check_tenants()
        declared = {queue.name for service in self.services for queue in service.queues}
        # A queue's dead letters come with it; a function may write them itself, with its own reason.
        queues = declared | {names.dead_letters(queue) for queue in declared}
        for service in self.services:
            for function in service.functions:
                for queue in function.sends:
                    if queue not in queues:
                        raise AuthorError(
                            f"function {service.name}.{function.name} sends to {queue!r}, which nobody has",
                            fix=_closest(queue, queues, "declare it with Queue(...)"),
                        )

    def _check_tenants(self) -> None:
        """Memberships are read in the same transaction as the rows they open: in the same database."""
        at = {service.name: service.database for service in self.services}
        for service in self.services:
            if service.tenants is None:
                continue
            owner = service.tenants.schema
            if service.database is None or at.get(owner) != service.database:
                raise AuthorError(
                    f"service {service.name!r} reads {service.tenants.memberships!r}, and {owner!r} is no"
                    " service with the same database",
                    fix="name a table of a service that shares this one's database=",
                    code="tenants_elsewhere",
                )


def _check_part(kind: str, name: str) -> None:
    if not _PART_NAME.match(name):
        raise AuthorError(
            f"{kind} {name!r}: names are lower-case letters, digits and -, a letter first",
            fix=f"rename the {kind}",
        )


def _check_secret_name(name: str) -> None:
    if not _SECRET_NAME.match(name) or len(name) > limits.SECRET_NAME_CHARS:
        raise AuthorError(
            f"secret {name!r}: Secrets Manager takes letters, digits and /_+=.@-",
            fix='write it like "bday/db-credentials"',
        )


def _within(what: str, value: timedelta, least: timedelta, most: timedelta, where: str) -> None:
    if not least <= value <= most:
        raise AuthorError(f"{what} {value}; AWS allows {least} to {most}", fix=f"change {where}")


def _distinct(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise AuthorError(f"{what} {value!r}", fix="remove or rename one")
        seen.add(value)


def _shape(route: Route) -> str:
    # /user/{id} and /user/{name} are the same call to a router.
    return f"{route.method} {re.sub(r'{[^}+]*', '{', route.path)}"


def _closest(name: str, known: Iterable[str], otherwise: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise
