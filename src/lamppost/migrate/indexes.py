"""Indexes made, remade and dropped beside the traffic, and what a broken try leaves: named, and INVALID.

A second `create` would say "already exists", and with `if not exists` it would say nothing and leave it so;
a broken `reindex` leaves a second index of the name with `_ccnew` behind it, which every write pays for.
"""

from typing import Any

import msgspec
import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]

# A new index lies where its table does, whatever the search path says.
VALID = """
select pg_index.indisvalid, pg_namespace.nspname
  from pg_index
  join pg_class on pg_class.oid = pg_index.indexrelid
  join pg_namespace on pg_namespace.oid = pg_class.relnamespace
 where pg_class.relname = %s
   and pg_namespace.oid = (select relnamespace from pg_class where oid = to_regclass(%s))
"""
GONE = "select to_regclass(%s) is null"
LEFT_OF_REINDEX = """
select pg_namespace.nspname, pg_class.relname
  from pg_index
  join pg_class on pg_class.oid = pg_index.indexrelid
  join pg_namespace on pg_namespace.oid = pg_class.relnamespace
 where not pg_index.indisvalid
   and pg_class.relname ~ '_cc(new|old)[0-9]*$'
   and case %(kind)s
           when 'index'  then pg_index.indrelid = (select indrelid from pg_index as whole
                                                    where whole.indexrelid = to_regclass(%(name)s))
           when 'table'  then pg_index.indrelid = to_regclass(%(name)s)
           when 'schema' then pg_namespace.oid = to_regnamespace(%(name)s)
           else pg_namespace.nspname !~ '^pg_'
       end
"""
INVALID = """
select pg_namespace.nspname, pg_class.relname, pg_index.indrelid::regclass::text
  from pg_index
  join pg_class on pg_class.oid = pg_index.indexrelid and pg_class.relkind = 'i'
  join pg_namespace on pg_namespace.oid = pg_class.relnamespace
 where not pg_index.indisvalid
   and pg_namespace.nspname !~ '^pg_'
   and not exists (select from pg_stat_progress_create_index as build
                    where build.index_relid = pg_index.indexrelid)
 order by 1, 2
"""


class Build(msgspec.Struct, frozen=True):
    """`create index concurrently`. `table` as written; `index` as the catalog has it, None when unnamed."""

    table: str
    index: str | None

    def ran(self, connection: Connection) -> bool:
        """Whether the index stands and can be used."""
        return self._standing(connection)[0] is True

    def tidy(self, connection: Connection) -> None:
        """Remove what an earlier try left, without stopping writers."""
        valid, schema = self._standing(connection)
        if valid is False and self.index is not None:
            drop(connection, schema, self.index)

    def wrong(self, connection: Connection) -> str:
        """What is wrong with the result, or nothing."""
        valid, _ = self._standing(connection)
        return f"the index {self.index} is INVALID after its build" if valid is False else ""

    def _standing(self, connection: Connection) -> tuple[bool | None, str]:
        """Whether an index of that name is valid, None when there is none, and its schema."""
        row = connection.execute(VALID, (self.index, self.table)).fetchone()
        return (None, "") if row is None else (bool(row[0]), row[1])


class Removal(msgspec.Struct, frozen=True):
    """`drop index concurrently`. `index` as written."""

    index: str

    def ran(self, connection: Connection) -> bool:
        """Whether there is no such index any more."""
        row = connection.execute(GONE, (self.index,)).fetchone()
        return row is not None and bool(row[0])

    def tidy(self, _: Connection) -> None:
        """Nothing: half a drop is finished by dropping again."""

    def wrong(self, _: Connection) -> str:
        """Nothing can be."""
        return ""


class Rebuild(msgspec.Struct, frozen=True):
    """`reindex … concurrently` of an `index`, `table`, `schema`, `database`; `name` as written."""

    kind: str
    name: str

    def ran(self, _: Connection) -> bool:
        """Nobody can tell, and doing it again harms nothing."""
        return False

    def tidy(self, connection: Connection) -> None:
        """Remove the second indexes that a broken try left."""
        values = {"kind": self.kind.lower(), "name": self.name}
        for schema, index in connection.execute(LEFT_OF_REINDEX, values).fetchall():
            drop(connection, schema, index)

    def wrong(self, _: Connection) -> str:
        """Nothing that `reindex` itself would not have said."""
        return ""


def drop(connection: Connection, schema: str, index: str) -> None:
    """Drop an index without stopping writers."""
    connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(schema, index)))


def invalid(connection: Connection) -> list[tuple[str, str, str]]:
    """Schema, name and table of every INVALID index that nobody is building now."""
    return connection.execute(INVALID).fetchall()
