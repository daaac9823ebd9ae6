"""What a handler takes, read from its signature.

`ctx` is the Context, `body` the JSON body, a name in the path template is a path parameter;
every other annotated parameter is read from the query string.
"""

import re
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from lamppost.errors import AuthorError

_TEMPLATE = re.compile(r"\{([a-z_][a-z0-9_]*)\+?\}")


class Parameter(msgspec.Struct, frozen=True):
    """One parameter: `source` is ctx, body, path or query; `default` is UNSET when it is required."""

    name: str
    source: str
    type: Any
    default: Any = msgspec.UNSET


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
        found.append(Parameter(name, source, hints.get(name), defaults.get(name, msgspec.UNSET)))
    return tuple(found)


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
