"""What a handler takes, read from its signature.

`ctx` is the Context, `body` the JSON body (or its bytes as they came, for the type `bytes`), a name in the
path template is a path parameter, `Annotated[..., Header("x-tenant-id")]` is a header; every other annotated
parameter is read from the query string.
"""

import re
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import msgspec

from lamppost.declare.events import Header
from lamppost.errors import AuthorError

# RFC 9110, 5.6.2.
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
# A key is heeded for every handler, and API Gateway takes cookies out of the headers.
_NOT_FOR_HANDLERS = ("idempotency-key", "cookie")
_TEMPLATE = re.compile(r"\{([a-z_][a-z0-9_]*)\+?\}")


class Parameter(msgspec.Struct, frozen=True):
    """One parameter: `source` is ctx, body, bytes, path, header or query; `header` is the name of its header.

    `default` is UNSET when it is required.
    """

    name: str
    source: str
    type: Any
    default: Any = msgspec.UNSET
    header: str = ""


def parameters(handler: Callable[..., Any], path: str) -> tuple[Parameter, ...]:
    """The parameters of `handler` for a route with this path template. Raises `AuthorError`."""
    hints = get_type_hints(handler, include_extras=True)
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
    found = []
    for name in names:
        source = _source(name, hints.get(name), in_path)
        if source != "ctx" and name not in hints:
            raise AuthorError(
                f"{handler.__module__}.{handler.__name__}: parameter {name!r} has no type",
                fix="annotate it: the type is what input is checked against",
            )
        if source == "body":
            _check_body(handler, hints[name])
        header = _header(hints[name]) or "" if source == "header" else ""
        if source == "header":
            _check_header(handler, header)
        found.append(Parameter(name, source, hints.get(name), defaults.get(name, msgspec.UNSET), header))
    return tuple(found)


def _source(name: str, kind: Any, in_path: set[str]) -> str:
    if name == "ctx":
        return "ctx"
    if name == "body":
        return "bytes" if kind is bytes else "body"
    if name in in_path:
        return "path"
    return "query" if _header(kind) is None else "header"


def _header(kind: Any) -> str | None:
    """The header that a type is annotated with, itself or a part of it (`Annotated[...] | None`)."""
    for part in get_args(kind):
        name = part.name.lower() if isinstance(part, Header) else _header(part)
        if name is not None:
            return name
    return None


def _check_header(handler: Callable[..., Any], name: str) -> None:
    if not _TOKEN.fullmatch(name) or name in _NOT_FOR_HANDLERS:
        raise AuthorError(
            f"{handler.__module__}.{handler.__name__} reads the header {name!r}",
            fix='name a header of your own, Header("x-tenant-id"); Idempotency-Key is heeded without a word',
            code="header_not_readable",
        )


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
