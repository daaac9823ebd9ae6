"""From a handler's signature to its arguments.

`ctx` is the Context, `body` the JSON body, a name in the path template is a path parameter;
every other annotated parameter is read from the query string.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from lamppost.errors import AuthorError, CallerError, invalid
from lamppost.runtime import body, text

if TYPE_CHECKING:
    from lamppost.declare.context import Context

_TEMPLATE = re.compile(r"\{([a-z_][a-z0-9_]*)\+?\}")


class Parameter(msgspec.Struct, frozen=True):
    """One parameter: `source` is ctx, body, path or query; `default` is UNSET when it is required."""

    name: str
    source: str
    type: Any
    default: Any = msgspec.UNSET


class Binding(msgspec.Struct, frozen=True):
    """A handler and how to fill its parameters."""

    handler: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    status: int


def bind(handler: Callable[..., Any], path: str, status: int) -> Binding:
    """The binding of `handler` for a route with this path template. Raises `AuthorError`."""
    hints = get_type_hints(handler)
    code = handler.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    defaults = _defaults(handler)
    in_path = set(_TEMPLATE.findall(path))
    missing = in_path - set(names)
    if missing:
        raise AuthorError(
            f"{handler.__module__}.{handler.__name__} takes no parameter for {{{missing.pop()}}} of {path}",
            fix="add a parameter of that name",
        )
    parameters = []
    for name in names:
        source = (
            "ctx" if name == "ctx" else "body" if name == "body" else "path" if name in in_path else "query"
        )
        if source != "ctx" and name not in hints:
            raise AuthorError(
                f"{handler.__module__}.{handler.__name__}: parameter {name!r} has no type",
                fix="annotate it: the type is what input is checked against",
            )
        if source == "body":
            _check_body(handler, hints[name])
        parameters.append(Parameter(name, source, hints.get(name), defaults.get(name, msgspec.UNSET)))
    return Binding(handler, tuple(parameters), status)


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


def _defaults(handler: Callable[..., Any]) -> dict[str, Any]:
    code = handler.__code__
    positional = handler.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(positional) : code.co_argcount]
    return {**dict(zip(names, positional, strict=True)), **(handler.__kwdefaults__ or {})}


def _check_body(handler: Callable[..., Any], kind: Any) -> None:
    config = getattr(kind, "__struct_config__", None)
    if config is not None and not config.forbid_unknown_fields:
        raise AuthorError(
            f"{handler.__module__}.{handler.__name__}: body type {kind.__name__} lets unknown fields pass",
            fix=f"class {kind.__name__}(msgspec.Struct, forbid_unknown_fields=True)",
        )
