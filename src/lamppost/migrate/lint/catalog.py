"""What a live database says about its tables, for the rules that ask."""

from typing import Any

import psycopg

from lamppost.errors import OperatorError
from lamppost.migrate.lint.facts import Facts
from lamppost.migrate.lint.model import Name

_MINE = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'"

_TABLES = f"""
select n.nspname, c.relname, c.relkind::text, greatest(c.reltuples, 0)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'f') and {_MINE}"""

_COLUMNS = f"""
select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and {_MINE}"""

# Only a check of the whole shape `c is not null` proves anything without reading the expression.
_PROOFS = f"""
select n.nspname, c.relname, k.conname, a.attname, k.convalidated
  from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum = any (k.conkey)
 where {_MINE} and k.contype = 'c'
   and pg_get_expr(k.conbin, k.conrelid) = '(' || quote_ident(a.attname) || ' IS NOT NULL)'"""

_CHECKED = f"""
select distinct n.nspname, c.relname
  from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
 where {_MINE} and k.contype = 'c' and k.convalidated"""

_FUNCTIONS = f"""
select n.nspname, p.proname, max(p.provolatile::text)
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {_MINE} group by 1, 2"""

_DOMAINS = f"""
select n.nspname, t.typname, t.typnotnull or exists (select 1 from pg_constraint k where k.contypid = t.oid)
  from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typtype = 'd' and {_MINE}"""

_VIEWED = f"""
select distinct n.nspname, c.relname, a.attname
  from pg_depend d join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
  join pg_class c on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and r.ev_class <> c.oid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
 where {_MINE}"""

_INDEXES = f"""
select n.nspname, i.relname, c.relname, array_agg(a.attname::text)
  from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
  join pg_namespace n on n.oid = i.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum = any (x.indkey)
 where {_MINE} group by 1, 2, 3"""


def read(url: str) -> Facts:
    """The facts of the database at `url`. Raises `OperatorError` when it cannot be reached."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            connection.read_only = True
            return _facts(connection)
    except psycopg.Error as wrong:
        raise OperatorError(
            f"the catalog cannot be read: {str(wrong).strip()}",
            fix="give --catalog the URL of a database that answers, or leave it out",
            code="lint_catalog",
        ) from wrong


def _facts(connection: "psycopg.Connection[Any]") -> Facts:
    facts = Facts()
    for schema, table, kind, rows in connection.execute(_TABLES):
        facts.tables.add(Name(schema, table))
        facts.rows[Name(schema, table)] = rows
        if kind == "p":
            facts.partitioned.add(Name(schema, table))
    for schema, table, column, printed, not_null in connection.execute(_COLUMNS):
        facts.types[Name(schema, table), column] = printed
        if not_null:
            facts.not_null.add((Name(schema, table), column))
    for schema, table, name, column, checked in connection.execute(_PROOFS):
        facts.proofs[Name(schema, table), name] = (column, checked)
    facts.checked = {Name(schema, table) for schema, table in connection.execute(_CHECKED)}
    for schema, function, volatility in connection.execute(_FUNCTIONS):
        facts.volatility[Name(schema, function)] = {"i": "immutable", "s": "stable"}.get(
            volatility, "volatile"
        )
    for schema, domain, constrained in connection.execute(_DOMAINS):
        facts.domains[Name(schema, domain)] = constrained
    facts.viewed = {(Name(schema, table), column) for schema, table, column in connection.execute(_VIEWED)}
    for schema, index, table, columns in connection.execute(_INDEXES):
        facts.indexes[Name(schema, index)] = tuple(columns)
        facts.index_tables[Name(schema, index)] = Name(schema, table)
    return facts
