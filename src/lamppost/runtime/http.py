"""An API function: from an HTTP API event (payload 2.0) to an answer."""

import re
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import msgspec

from lamppost.derive.manifest import FunctionEntry, RouteEntry
from lamppost.errors import AuthorError, CallerError, OperatorError, invalid
from lamppost.observe.log import Log
from lamppost.runtime import body, deadline, encode, identity, text
from lamppost.runtime.binding import Binding, Parameter, bind
from lamppost.runtime.context import LiveContext

_PARAMETER = re.compile(r"\\\{([a-z_][a-z0-9_]*)(\\\+)?\\\}")


class Served(msgspec.Struct, frozen=True):
    """A route and the handler behind it."""

    binding: Binding
    route: RouteEntry


class HttpFunction:
    """The routes of one function, ready to be called."""

    def __init__(self, entry: FunctionEntry, module: ModuleType, *, open_door: bool = False) -> None:
        self._open_door = open_door
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
        try:
            method = _method(event)
            served, in_path = self._find(event, method)
            context.identify(identity.caller(event, served.route, open_door=self._open_door))
            binding = served.binding
            arguments = [_argument(parameter, event, in_path, context) for parameter in binding.parameters]
            if self._bystander is None:
                self._bystander = deadline.Bystander()
            seconds = deadline.seconds_for(lambda_context.get_remaining_time_in_millis())
            value = self._bystander.run(lambda: binding.handler(*arguments), seconds)
            answered = encode.answer(value, binding.status)
        except CallerError as refusal:
            answered = encode.problem(refusal, context.request_id)
        except deadline.Overdue:
            self._bystander = None
            context.end()
            _interrupt()
            context.log.error("request.overdue", route=event.get("routeKey"))
            answered = encode.problem(_given_up(), context.request_id)
        except Exception as error:  # noqa: BLE001 - the process boundary: what is not foreseen is a 500 without a word
            answered = encode.problem(_blame(error, context.log), context.request_id)
        if method == "HEAD":
            answered = {**answered, "body": "", "isBase64Encoded": False}
        return answered

    def _find(self, event: dict[str, Any], method: str) -> tuple[Served, dict[str, str]]:
        served = self._exact.get(event.get("routeKey", ""))
        if served is not None:
            return served, event.get("pathParameters") or {}
        # Behind a catch-all route the gateway does not say which of ours was meant.
        path = event.get("rawPath", "")
        known = False
        for allowed, pattern, key in self._templates:
            match = pattern.fullmatch(path)
            if match is not None:
                known = True
                if allowed in (method, "ANY") or (allowed == "GET" and method == "HEAD"):
                    return self._exact[key], {
                        name: unquote(value) for name, value in match.groupdict().items()
                    }
        if known:
            raise CallerError(405, "method_not_allowed", f"{method} is not offered here")
        raise CallerError(404, "route_not_found", "nothing answers at this path")


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


def _argument(
    parameter: Parameter, event: dict[str, Any], in_path: dict[str, str], context: LiveContext
) -> Any:
    match parameter.source:
        case "ctx":
            return context
        case "body":
            return body.read(event, parameter.type)
        case "path":
            return _from_path(parameter, in_path)
        case _:
            return _from_query(parameter, event)


def _from_path(parameter: Parameter, in_path: dict[str, str]) -> Any:
    try:
        return text.read(in_path.get(parameter.name, ""), parameter.type)
    except text.Unreadable as error:
        # What cannot be an id names nothing: the same 404 as for an id that is not there.
        raise CallerError(404, "not_found", f"nothing has this {parameter.name}") from error


def _from_query(parameter: Parameter, event: dict[str, Any]) -> Any:
    given = text.query(event.get("rawQueryString") or "", parameter.name)
    if not given:
        if parameter.default is msgspec.UNSET:
            raise invalid(parameter.name, "required", "this query parameter is missing")
        return parameter.default
    if len(given) > 1:
        # Two readers of one query may each take another of the two.
        raise invalid(parameter.name, "repeated", "this query parameter may stand once")
    try:
        return text.read(given[0], parameter.type)
    except text.Unreadable as error:
        raise invalid(parameter.name, error.code, error.what) from error


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
