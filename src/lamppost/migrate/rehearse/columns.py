"""The tables that need rows, as the catalog describes them."""

from typing import Any

import msgspec
import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

# Ledgers say what was applied, and the platform's clock has one row: rows made up there would be lies.
TABLES = """
select pg_class.oid, pg_namespace.nspname, pg_class.relname,
       coalesce(pg_get_partition_constraintdef(pg_class.oid), '')
  from pg_class join pg_namespace on pg_namespace.oid = pg_class.relnamespace
 where pg_class.relkind = 'r' and pg_class.relpersistence <> 't'
   and pg_namespace.nspname not in ('pg_catalog', 'information_schema', 'lamppost')
   and pg_namespace.nspname !~ '^pg_'
   and not (pg_namespace.nspname = 'public' and pg_class.relname like 'schema\\_%%')
   and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e'
                                           and classid = 'pg_class'::regclass)
 order by 1
"""
# A domain is followed to its base; an array to what it holds.
COLUMNS = """
with recursive base as (
    select oid as type, oid as at, 0 as depth from pg_type
     union all
    select base.type, pg_type.typbasetype, depth + 1
      from base join pg_type on pg_type.oid = base.at where pg_type.typtype = 'd'
)
select pg_attribute.attrelid, pg_attribute.attname,
       format_type(pg_attribute.atttypid, pg_attribute.atttypmod),
       pg_type.typname, pg_type.typtype::text, element.typname, element.typtype::text,
       case when pg_attribute.atttypmod > 4 then pg_attribute.atttypmod - 4 end,
       pg_attribute.attnotnull or outer_type.typnotnull,
       pg_attribute.atthasdef or pg_attribute.attidentity <> '' or outer_type.typdefault is not null,
       pg_attribute.attgenerated <> '', pg_attribute.attidentity = 'a', pg_attribute.attnum
  from pg_attribute
  join pg_type as outer_type on outer_type.oid = pg_attribute.atttypid
  join lateral (select at from base where type = pg_attribute.atttypid
                 order by depth desc limit 1) as last on true
  join pg_type on pg_type.oid = last.at
  left join pg_type as element on element.oid = pg_type.typelem and pg_type.typcategory = 'A'
 where pg_attribute.attrelid = any(%s) and pg_attribute.attnum > 0 and not pg_attribute.attisdropped
 order by pg_attribute.attrelid, pg_attribute.attnum
"""
KEYS = """
select conrelid, confrelid, nspname, relname, conkey,
       array(select attname from unnest(confkey) with ordinality as theirs(number, place)
               join pg_attribute on attrelid = confrelid and attnum = theirs.number order by place)
  from pg_constraint
  join pg_class on pg_class.oid = confrelid
  join pg_namespace on pg_namespace.oid = relnamespace
 where contype = 'f' and conparentid = 0 and conrelid = any(%s)
"""
CHECKS = """
select conrelid, conname::text, conkey, pg_get_constraintdef(oid)
  from pg_constraint where contype = 'c' and conrelid = any(%s)
"""
UNIQUE = """
select indrelid, array(select unnest(indkey[0:indnkeyatts - 1]))
  from pg_index where indisunique and indrelid = any(%s)
"""


class Column(msgspec.Struct, frozen=True):
    """A column; `base` is the type below all domains, `element` what an array of it holds."""

    name: str
    type: str
    base: str
    kind: str
    element: str | None
    element_kind: str | None
    room: int | None
    required: bool
    defaulted: bool
    generated: bool
    always: bool
    number: int


class Key(msgspec.Struct, frozen=True):
    """A foreign key: own columns by number, and those of the parent by name."""

    parent: int
    schema: str
    table: str
    own: tuple[int, ...]
    theirs: tuple[str, ...]


class Check(msgspec.Struct, frozen=True):
    """A check, and the numbers of the columns in it."""

    name: str
    columns: tuple[int, ...]
    definition: str


class Table(msgspec.Struct):
    """A table that may need rows. `bounds` is the check that makes it a partition."""

    oid: int
    schema: str
    name: str
    bounds: str
    columns: list[Column] = []
    keys: list[Key] = []
    checks: list[Check] = []
    unique: list[tuple[int, ...]] = []

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def column(self, number: int) -> Column | None:
        """The column of this number."""
        return next((one for one in self.columns if one.number == number), None)


def read(connection: Connection, known: frozenset[int]) -> list[Table]:
    """The tables that are not `known` yet, a parent before those that refer to it."""
    found = {row[0]: Table(*row) for row in connection.execute(TABLES).fetchall() if row[0] not in known}
    oids = list(found)
    if not oids:
        return []
    for row in connection.execute(COLUMNS, (oids,)).fetchall():
        found[row[0]].columns.append(Column(*row[1:]))
    for child, parent, schema, name, own, theirs in connection.execute(KEYS, (oids,)).fetchall():
        found[child].keys.append(Key(parent, schema, name, tuple(own), tuple(theirs)))
    for table, name, numbers, definition in connection.execute(CHECKS, (oids,)).fetchall():
        found[table].checks.append(Check(name, tuple(numbers or ()), definition))
    for table, numbers in connection.execute(UNIQUE, (oids,)).fetchall():
        found[table].unique.append(tuple(numbers))
    return _parents_first(found)


def _parents_first(found: dict[int, Table]) -> list[Table]:
    ordered: dict[int, Table] = {}

    def visit(table: Table, path: frozenset[int]) -> None:
        if table.oid in ordered or table.oid in path:
            return
        for key in table.keys:
            if key.parent in found:
                visit(found[key.parent], path | {table.oid})
        ordered[table.oid] = table

    for table in found.values():
        visit(table, frozenset())
    return list(ordered.values())
