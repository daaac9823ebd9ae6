"""PostgreSQL's own parser, as pglast brings it: text in, JSON out.

Importing pglast also builds a class for each node of a syntax tree and thousands of enum members, which
takes longer than linting a file does, and nobody here asks for one of them. The two modules that hold them
are therefore imported only when somebody asks.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module until it is asked for something."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


if "pglast" not in sys.modules:
    sys.modules.update({name: _Later(name) for name in ("pglast.enums", "pglast.ast")})

from pglast.parser import (  # noqa: E402 - only now are the two stood in for
    ParseError,
    parse_plpgsql_json,
    parse_sql_json,
    scan,
)

__all__ = ["ParseError", "parse_plpgsql_json", "parse_sql_json", "scan"]
