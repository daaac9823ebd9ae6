"""From a handler's signature to its arguments."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.derive.signature import Parameter, parameters
from lamppost.errors import CallerError, invalid
from lamppost.runtime import body, text

if TYPE_CHECKING:
    from lamppost.declare.context import Context


class Binding(msgspec.Struct, frozen=True):
    """A handler and how to fill its parameters."""

    handler: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    status: int


def bind(handler: Callable[..., Any], path: str, status: int) -> Binding:
    """The binding of `handler` for a route with this path template. Raises `AuthorError`."""
    return Binding(handler, parameters(handler, path), status)


def argument(parameter: Parameter, event: dict[str, Any], in_path: dict[str, str], context: "Context") -> Any:
    """The value of one parameter in an HTTP API event. Raises `CallerError` for what it cannot be."""
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
