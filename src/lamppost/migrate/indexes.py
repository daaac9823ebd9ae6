"""Indexes that a broken `create index concurrently` leaves behind: there, named, and INVALID.

A second try would say "already exists", and with `if not exists` it would say nothing and leave it so.
"""

import re
from typing import Any

import msgspec
import psycopg
from psycopg import sql

_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_BUILD = re.compile(
    rf"""\A \s* create \s+ (?:unique \s+)? index \s+ concurrently \s+ (?:if \s+ not \s+ exists \s+)?
         (?P<index> {_NAME} ) \s+ on \s+ (?:only \s+)? (?P<schema> {_NAME} ) \s* \. \s* {_NAME}""",
    re.VERBOSE | re.IGNORECASE,
)
_COMMENT = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
VALID = """
select pg_index.indisvalid
  from pg_index
  join pg_class on pg_class.oid = pg_index.indexrelid
  join pg_namespace on pg_namespace.oid = pg_class.relnamespace
 where pg_namespace.nspname = %s and pg_class.relname = %s
"""


class Build(msgspec.Struct, frozen=True):
    """An index that a statement builds concurrently."""

    schema: str
    index: str


def built_by(statement: str) -> Build | None:
    """The index this statement builds concurrently on a table named with its schema, else None."""
    found = _BUILD.match(_COMMENT.sub("", statement))
    return Build(_plain(found["schema"]), _plain(found["index"])) if found else None


def is_valid(connection: psycopg.Connection[Any], build: Build) -> bool | None:
    """Whether the index can be used; None when there is none of that name."""
    row = connection.execute(VALID, (build.schema, build.index)).fetchone()
    return None if row is None else bool(row[0])


def drop(connection: psycopg.Connection[Any], build: Build) -> None:
    """Remove what an earlier try left, without stopping writers."""
    connection.execute(
        sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(build.schema, build.index))
    )


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
