"""PostgreSQL's own parser, as pglast brings it: text in, JSON out.

Importing pglast also builds a class for each node of a syntax tree and thousands of enum members, which
takes longer than linting a file does, and nobody here asks for one of them. The two modules that hold them
are therefore imported only when somebody asks.
"""

from importlib import import_module

from lamppost.migrate.lint.light import stand_in

stand_in("pglast", "enums", "ast")
_parser = import_module("pglast.parser")

ParseError = _parser.ParseError
parse_plpgsql_json = _parser.parse_plpgsql_json
parse_sql_json = _parser.parse_sql_json
scan = _parser.scan
