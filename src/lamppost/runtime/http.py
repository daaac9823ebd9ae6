"""An API function: from an HTTP API event (payload 2.0) to an answer."""

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import msgspec

from lamppost.derive.manifest import FunctionEntry, RouteEntry, ServiceEntry
from lamppost.errors import AuthorError, CallerError, OperatorError
from lamppost.observe.log import Log
from lamppost.runtime import body, deadline, encode, identity
from lamppost.runtime.binding import Binding, argument, bind
from lamppost.runtime.context import LiveContext

# Characters of a body that are under 5 MB whatever JSON makes of them: at worst six bytes of one.
_SENDABLE = 800_000
# Characters of a body that are read in no time at all.
_SHORT = 16_000
_MUTATING = ("POST", "PUT", "PATCH", "DELETE")
_PARAMETER = re.compile(r"\\\{([a-z_][a-z0-9_]*)(\\\+)?\\\}")


class Served(msgspec.Struct, frozen=True):
    """A route and the handler behind it."""

    binding: Binding
    route: RouteEntry


class Asked(msgspec.Struct, frozen=True):
    """A request to a route: `seconds` to answer it in, and `said`, the headers that go with any answer."""

    event: dict[str, Any]
    method: str
    in_path: dict[str, str]
    seconds: float
    said: dict[str, str]


class HttpFunction:
    """The routes of one function, ready to be called."""

    def __init__(self, entry: FunctionEntry, module: ModuleType, guard: identity.Guard | None = None) -> None:
        self._guard = guard or identity.Guard()
        self._bystander: deadline.Bystander | None = None
        self._exact: dict[str, Served] = {}
        self._templates: list[tuple[str, re.Pattern[str], str]] = []
        for route in entry.routes:
            served = Served(bind(getattr(module, route.handler), route.path, route.status), route)
            self._exact[route.key] = served
            if route.method == "GET":
                self._exact[f"HEAD {route.path}"] = served
            self._templates.append((route.method, _pattern(route.path), route.key))

    def __call__(self, event: dict[str, Any], context: LiveContext, lambda_context: Any) -> dict[str, Any]:
        """Answer one request. Never raises for the caller's faults, nor for the database's absence."""
        method = ""
        said: dict[str, str] = {}
        try:
            method = _method(event)
            served, in_path = self._find(event, method, context.service, said)
            context.identify(identity.caller(event, served.route, self._guard))
            if self._bystander is None:
                self._bystander = deadline.Bystander()
            seconds = deadline.seconds_for(lambda_context.get_remaining_time_in_millis())
            asked = Asked(event, method, in_path, seconds, said)
            # Most refusals come from reading: what cannot take long is read before a thread is asked.
            prompt = served.route.rate is None and len(event.get("body") or "") <= _SHORT
            read = _arguments(served, asked, context) if prompt else None
            answered: dict[str, Any] = self._bystander.run(
                lambda: _serve(served, asked, context, read), seconds
            )
        except CallerError as refusal:
            answered = _refused(refusal, context)
        except deadline.Overdue:
            self._bystander = None
            context.end()
            _interrupt()
            context.log.error("request.overdue", route=event.get("routeKey"))
            answered = _refused(_given_up(), context)
        except Exception as error:
            answered = _refused(_blame(error, context.log), context)
        if method == "HEAD":
            answered = {**answered, "body": "", "isBase64Encoded": False}
        if said:
            answered["headers"] = {**answered["headers"], **said}
        return answered

    def _find(
        self, event: dict[str, Any], method: str, service: ServiceEntry, said: dict[str, str]
    ) -> tuple[Served, dict[str, str]]:
        served = self._exact.get(event.get("routeKey", ""))
        if served is not None:
            return served, event.get("pathParameters") or {}
        # Behind a catch-all route the gateway does not say which of ours was meant.
        whole = event.get("rawPath", "")
        # At a host that many APIs share, the path begins with the name that ours is mapped to.
        paths = (whole, whole.removeprefix(f"/{service.name}") or "/")
        for path in dict.fromkeys(paths):
            for allowed, pattern, key in self._templates:
                match = pattern.fullmatch(path)
                if match and (allowed in (method, "ANY") or (allowed == "GET" and method == "HEAD")):
                    found = {name: unquote(value) for name, value in match.groupdict().items()}
                    return self._exact[key], found
        allow = next(filter(None, (_offered(service, path) for path in paths)), "")
        if allow:
            said["allow"] = allow
            raise CallerError(405, "method_not_allowed", f"{method} is not offered here, but {allow}")
        raise CallerError(404, "route_not_found", "nothing answers at this path")


def _arguments(served: Served, asked: Asked, context: LiveContext) -> list[Any]:
    if served.route.body_limit is not None:
        body.check_size(asked.event, served.route.body_limit)
    return [
        argument(parameter, asked.event, asked.in_path, context) for parameter in served.binding.parameters
    ]


def _serve(served: Served, asked: Asked, context: LiveContext, read: list[Any] | None) -> dict[str, Any]:
    """What the handler answers: once its caller may call, its arguments are `read`, and no more than once."""
    binding = served.binding
    _take_turn(served.route, asked, context)
    arguments = _arguments(served, asked, context) if read is None else read

    def work() -> dict[str, Any]:
        try:
            value = binding.handler(*arguments)
        except CallerError as refusal:
            if served.route.refuses is not None:
                from lamppost.runtime import stated

                stated.check(refusal, served.route, context)
            if refusal.keep:
                # An answer like a returned one: what was written under its key stays, the answer with it.
                return _refused(refusal, context)
            raise
        return encode.answer(value, binding.status)

    answered = _once(served, asked, context, work)
    if len(answered["body"]) <= _SENDABLE or asked.method == "HEAD":
        return answered
    from lamppost.runtime import large_answers

    return large_answers.stored(answered, context)


def _refused(refusal: CallerError, context: LiveContext) -> dict[str, Any]:
    if context.service.problems is None:
        return encode.problem(refusal, context.request_id)
    from lamppost.runtime import shaped

    return shaped.problem(refusal, context.request_id, context.service.problems)


def _take_turn(route: RouteEntry, asked: Asked, context: LiveContext) -> None:
    """Raise a 429 when the caller has called too often."""
    if route.rate is None:
        return
    from lamppost.runtime import limits

    verdict = limits.take(route.rate, context.service.name, context.known_caller, asked.event)
    asked.said.update(verdict.headers(route.rate))
    if verdict.retry_after is not None:
        raise limits.refusal(route.rate, verdict)


def _once(
    served: Served, asked: Asked, context: LiveContext, work: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The answer of `work`, which is not done again where an Idempotency-Key says that it was."""
    headers = asked.event.get("headers") or {}
    if asked.method not in _MUTATING or not context.has_database:
        return work()
    if not served.route.key_required and "idempotency-key" not in headers:
        return work()
    from lamppost.runtime import idempotency

    key = idempotency.key_of(headers)
    service = context.service
    request = idempotency.request_of(
        key,
        asked.event,
        service.name,
        context.known_caller,
        service.idempotency_keep,
        heeds=tuple(each.header for each in served.binding.parameters if each.header),
    )
    return idempotency.once(request, context, work, seconds=asked.seconds)


def _given_up() -> CallerError:
    return CallerError(503, "timeout", "the request took too long and was given up", retry_after=5)


def _method(event: Any) -> str:
    try:
        method = event["requestContext"]["http"]["method"]
    except (KeyError, TypeError):
        method = None
    if not isinstance(method, str):
        raise AuthorError(
            "this event is not an HTTP API's (payload 2.0)",
            fix="set the integration's payload format to 2.0, or call the function's routes over HTTP",
            code="unsupported_event",
        )
    return method


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_PARAMETER.sub(lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", re.escape(path)))


def _offered(service: ServiceEntry, path: str) -> str:
    """The methods that some function of the service answers at `path`, as an Allow header has them.

    Of two templates that fit, the one with fewer parameters is meant.
    """
    fitting: dict[int, set[str]] = {}
    for function in service.functions:
        for route in function.routes:
            if _pattern(route.path).fullmatch(path):
                fitting.setdefault(route.path.count("{"), set()).add(route.method)
    methods = fitting[min(fitting)] if fitting else set()
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _interrupt() -> None:
    import sys

    pool = sys.modules.get("lamppost.db.pool")
    if pool is not None:
        pool.get_pool().interrupt()


def _blame(error: Exception, log: Log) -> CallerError:
    """What the caller is told: 503 when the database or a setting is out, else 500. The log has the rest."""
    from lamppost.db import faults

    reason = faults.unavailable(error)
    if reason is not None:
        log.error("request.database_unavailable", reason=reason, error=_first_line(error))
        return CallerError(
            503, "database_unavailable", "the database does not answer; try again", retry_after=2
        )
    if faults.outrun(error):
        log.warning("request.outrun", error=_first_line(error))
        return CallerError(
            503, "database_unavailable", "another request changed the same things; try again", retry_after=1
        )
    if faults.interrupted(error):
        log.error("request.interrupted", error=_first_line(error))
        return _given_up()
    if isinstance(error, OperatorError):
        log.error("request.not_ready", code=error.code, error=error.what, fix=error.fix)
        return CallerError(
            503, "not_ready", "the service is not ready; its operator has been told", retry_after=30
        )
    import traceback

    log.error(
        "request.failed",
        error=_first_line(error),
        kind=type(error).__name__,
        code=getattr(error, "code", None),
        stack=traceback.format_exception(error),
    )
    return CallerError(500, "internal_error", "something went wrong here; the requestId finds it in the log")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
