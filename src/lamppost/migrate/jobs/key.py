"""The column a walk goes by: whether it can, and which keys the next stretch has.

A key must be unique, never null, and found in order by an index; then "greater than the last one" neither
skips a row nor meets one twice, however many batches there are.
"""

from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.types.string import StrDumper

from lamppost.errors import AuthorError
from lamppost.migrate.files import Migration
from lamppost.migrate.header import Walk
from lamppost.migrate.ledger import Connection

# Row-level security would hide rows from an owner it is forced upon, and the walk would call them done.
LOOK = """
select class.oid::bigint, class.relkind, attribute.atttypid::bigint,
       coalesce(attribute.attnotnull or type.typnotnull, false),
       exists (select from pg_index as index
                 join pg_class as its on its.oid = index.indexrelid
                 join pg_am as method on method.oid = its.relam
                 join pg_opclass as class_of on class_of.oid = index.indclass[0]
                where index.indrelid = class.oid and index.indisunique and index.indisvalid
                  and index.indpred is null and index.indnkeyatts = 1
                  and index.indkey[0] = attribute.attnum and index.indcollation[0] = attribute.attcollation
                  and method.amname = 'btree' and class_of.opcdefault),
       (select array_agg(name.attname::text order by key.place)
          from pg_index as index
         cross join unnest(index.indkey) with ordinality as key(number, place)
          join pg_attribute as name on name.attrelid = index.indrelid and name.attnum = key.number
         where index.indrelid = class.oid and index.indisprimary),
       row_security_active(class.oid) and (
           not exists (select from pg_policy
                        where polrelid = class.oid and polpermissive and polcmd in ('*', 'r')
                          and pg_get_expr(polqual, polrelid) = 'true'
                          and exists (select from unnest(polroles) as role
                                       where role = 0 or pg_has_role(role, 'usage')))
           or exists (select from pg_policy where polrelid = class.oid and not polpermissive))
  from pg_class as class
  join pg_namespace as schema on schema.oid = class.relnamespace
  left join pg_attribute as attribute
    on attribute.attrelid = class.oid and attribute.attname = %(column)s and not attribute.attisdropped
  left join pg_type as type on type.oid = attribute.atttypid
 where schema.nspname = %(schema)s and class.relname = %(table)s
"""
STRETCH = """
select keys[1]::text, keys[cardinality(keys)]::text, cardinality(keys)
  from (select array_agg(key) as keys
          from (select {column} as key from {table} where {bounds} order by {column} limit {limit}) as walked
       ) as stretch
"""
# A cast beside `order by` would be what is ordered by.
GREATEST = """
select key::text from (select {column} as key from {table} order by {column} desc limit 1) as greatest
"""
# The planner's guess knows of tables that were never analysed, and adds partitions up.
GUESS = "explain (format json) select from {table}"
COUNT = "select count(*) from (select from {table} limit {limit}) as counted"


class _Text(str):
    """A key in its text form, sent as what it is."""

    __slots__ = ()


class Stretch(msgspec.Struct, frozen=True):
    """The keys of one batch, both ends included."""

    first: str
    last: str
    rows: int


class Key:
    """A table and its column, found fit to walk by. Keys go to and fro in their text form."""

    def __init__(self, connection: Connection, walk: Walk, oid: int, type_oid: int) -> None:
        self.oid, self.column = oid, walk.column
        self._words = {
            "table": sql.Identifier(walk.schema, walk.table),
            "column": sql.Identifier(walk.column),
        }
        self._cursor = psycopg.RawCursor(connection)
        self._cursor.adapters.register_dumper(_Text, type("KeyDumper", (StrDumper,), {"oid": type_oid}))

    def run(self, statement: str, stretch: Stretch) -> int:
        """Run the walk's statement for this stretch; how many rows it says it changed."""
        self._cursor.execute(statement.encode(), (_Text(stretch.first), _Text(stretch.last)), prepare=False)
        return max(self._cursor.rowcount, 0)

    def stretch(self, *, behind: str | None, end: str, rows: int) -> Stretch | None:
        """The next keys, greater than `behind` and up to `end`, at most so many, if there are any."""
        values: tuple[object, ...] = (_Text(end), rows)
        bounds = "{column} <= $1"
        if behind is not None:
            values = (*values, _Text(behind))
            bounds += " and {column} > $3"
        query = sql.SQL(STRETCH).format(
            bounds=sql.SQL(bounds).format(**self._words), limit=sql.SQL("$2"), **self._words
        )
        found = self._cursor.execute(query, values, prepare=False).fetchone()
        return Stretch(*found) if found and found[0] is not None else None

    def greatest(self) -> str | None:
        """The last key of the table; None where it has no rows."""
        row = self._cursor.execute(sql.SQL(GREATEST).format(**self._words)).fetchone()
        return row[0] if row else None

    def estimate(self) -> int:
        """About how many rows the table has."""
        row = self._cursor.execute(sql.SQL(GUESS).format(**self._words)).fetchone()
        return int(row[0][0]["Plan"]["Plan Rows"]) if row else 0


def look(connection: Connection, migration: Migration, walk: Walk) -> Key:
    """The key of this walk. Raises `AuthorError` saying why nobody can walk by it, and what to do."""
    named = {"schema": walk.schema, "table": walk.table, "column": walk.column}
    row = connection.execute(LOOK, named).fetchone()
    refusal = _refusal(walk, row)
    if row is None or refusal is not None:
        what, fix = refusal or ("", "")
        raise AuthorError(f"{migration.name}: {what}", fix=fix, code="job_key")
    return Key(connection, walk, row[0], row[2])


def at_most(connection: Connection, table: sql.Identifier, limit: int) -> bool:
    """Whether a table has no more than `limit` rows, counting no further than that."""
    query = sql.SQL(COUNT).format(table=table, limit=sql.Literal(limit + 1))
    row = connection.execute(query).fetchone()
    return row is not None and row[0] <= limit


def _refusal(walk: Walk, row: tuple[Any, ...] | None) -> tuple[str, str] | None:
    table, column = f"{walk.schema}.{walk.table}", walk.column
    if row is None:
        return f"there is no table {table}", "mend the file's first line, or apply what makes the table first"
    _, kind, type_oid, never_null, ordered, primary, hidden = row
    if kind not in {"r", "p"}:
        return f"{table} is no table", "name the table below it"
    if type_oid is None:
        return f"{table} has no column {column}", "mend the file's first line"
    if not never_null:
        fix = f"make it not null first, or go by the primary key ({', '.join(primary or ('none',))})"
        return f"{table}.{column} may be null, and nulls are in no stretch", fix
    if not ordered and primary and column in primary and len(primary) > 1:
        return (
            f"the primary key of {table} has several columns ({', '.join(primary)}),"
            " and a walk goes by one that is unique by itself",
            "go by a column with a unique index of its own, or make one in an earlier job",
        )
    if not ordered:
        return (
            f"{table}.{column} has no unique index of its own: keys could repeat,"
            " and every batch would read the whole table",
            f"go by the primary key, or first: create unique index concurrently on {table} ({column})",
        )
    if hidden:
        return (
            f"row-level security is forced upon the owner of {table}, who would not see every row",
            f"while the job runs: alter table {table} no force row level security"
            " (it concerns the owner only), or give the owner a policy `using (true)`",
        )
    return None
