"""From a handler's signature to its arguments."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.derive.signature import Parameter, parameters
from lamppost.errors import CallerError, invalid
from lamppost.runtime import body, text

if TYPE_CHECKING:
    from lamppost.declare.context import Context

_NOT_VISIBLE = re.compile(r"[^ -~\t]")


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
        case "header":
            return _from_headers(parameter, event.get("headers") or {})
        case "bytes":
            return body.raw_of(event)
        case _:
            return _from_query(parameter, event)


def _from_path(parameter: Parameter, in_path: dict[str, str]) -> Any:
    try:
        return text.read(in_path.get(parameter.name, ""), parameter.type)
    except text.Unreadable as error:
        # What cannot be an id names nothing: the same 404 as for an id that is not there.
        raise CallerError(404, "not_found", f"nothing has this {parameter.name}") from error


def _from_headers(parameter: Parameter, headers: dict[str, str]) -> Any:
    place = f"headers.{parameter.header}"
    given = headers.get(parameter.header)
    if given is None:
        if parameter.default is msgspec.UNSET:
            raise invalid(place, "required", "this header is missing")
        return parameter.default
    given = given.strip(" \t")
    if _NOT_VISIBLE.search(given):
        # What other bytes mean depends on who reads them (RFC 9110, 5.5).
        raise invalid(place, "invalid_text", "a header holds visible ASCII")
    try:
        return text.read(given, parameter.type)
    except text.Unreadable as error:
        raise invalid(place, error.code, error.what) from error


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
