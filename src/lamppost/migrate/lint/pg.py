"""PostgreSQL's own parser, as pglast brings it: text in, JSON out.

Importing pglast also builds a class for each node of a syntax tree and thousands of enum members, which
takes longer than linting a file does, and nobody here asks for one of them. The two modules that hold them
are therefore imported only when somebody asks.
"""

from lamppost.migrate.lint.light import stand_in

stand_in("pglast", "enums", "ast")

from pglast.parser import (  # noqa: E402 - only now are the two stood in for
    ParseError,
    parse_plpgsql_json,
    parse_sql_json,
    scan,
)

__all__ = ["ParseError", "parse_plpgsql_json", "parse_sql_json", "scan"]
