"""What a live database says about its tables, for the rules that ask."""

from typing import Any

import psycopg

from lamppost.errors import OperatorError
from lamppost.migrate.lint.alter import alter_table
from lamppost.migrate.lint.facts import Facts
from lamppost.migrate.lint.model import AddConstraint, AlterTable, Name
from lamppost.migrate.lint.parse import query

_MINE = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'"

_TABLES = f"""
select n.nspname, c.relname, c.relkind::text, c.reltuples
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'f') and {_MINE}"""

_COLUMNS = f"""
select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'f') and a.attnum > 0 and not a.attisdropped and {_MINE}"""

_CONSTRAINTS = f"""
select n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid), k.convalidated, k.contype = 'c',
       fn.nspname, f.relname
  from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
  left join (pg_class f join pg_namespace fn on fn.oid = f.relnamespace)
         on k.contype = 'f' and f.oid = k.confrelid
 where {_MINE}"""

_RELATIONS = f"""
select n.nspname, c.relname, c.relkind = 'm',
       exists (select from pg_index x where x.indrelid = c.oid and x.indisunique and x.indisvalid
                  and x.indpred is null and not 0 = any (x.indkey)),
       exists (select from pg_partitioned_table p where p.partrelid = c.oid and p.partdefid <> 0)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where {_MINE}"""

_FUNCTIONS = f"""
select n.nspname, p.proname, max(p.provolatile::text)
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {_MINE} group by 1, 2"""

_DOMAINS = f"""
select n.nspname, t.typname, t.typnotnull or exists (select 1 from pg_constraint k where k.contypid = t.oid)
  from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typtype = 'd' and {_MINE}"""

_VIEWED = f"""
select distinct n.nspname, c.relname, a.attname, vn.nspname, v.relname
  from pg_depend d join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
  join pg_class c on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and r.ev_class <> c.oid
  join pg_class v on v.oid = r.ev_class join pg_namespace vn on vn.oid = v.relnamespace
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
    facts = Facts(applied=_applied(connection))
    for schema, table, kind, rows in connection.execute(_TABLES):
        facts.tables.add(Name(schema, table))
        # -1: nobody has counted yet, so it may be large.
        if rows >= 0 and kind == "r":
            facts.rows[Name(schema, table)] = rows
        if kind == "p":
            facts.partitioned.add(Name(schema, table))
    for schema, table, column, printed, not_null in connection.execute(_COLUMNS):
        facts.types[Name(schema, table), column] = printed
        if not_null:
            facts.not_null.add((Name(schema, table), column))
    for schema, relation, stored, unique, defaulted in connection.execute(_RELATIONS):
        facts.relations.add(Name(schema, relation))
        if stored:
            facts.matviews[Name(schema, relation)] = unique
        if defaulted:
            facts.defaulted.add(Name(schema, relation))
    _constraints(connection, facts)
    for schema, function, volatility in connection.execute(_FUNCTIONS):
        facts.volatility[Name(schema, function)] = {"i": "immutable", "s": "stable"}.get(
            volatility, "volatile"
        )
    for schema, domain, constrained in connection.execute(_DOMAINS):
        facts.domains[Name(schema, domain)] = constrained
    for schema, table, column, view_schema, view in connection.execute(_VIEWED):
        seen = Name(schema, table), column
        facts.viewed[seen] = facts.viewed.get(seen, frozenset()) | {Name(view_schema, view)}
    for schema, index, table, columns in connection.execute(_INDEXES):
        facts.indexes[Name(schema, index)] = tuple(columns)
        facts.index_tables[Name(schema, index)] = Name(schema, table)
    return facts


def _applied(connection: "psycopg.Connection[Any]") -> set[str]:
    """The files that ran there, if a migrator of this kind keeps its ledger in the database."""
    found = connection.execute(
        "select has_table_privilege(to_regclass('public.schema_migrations'), 'select')"
        " and exists (select from pg_attribute"
        " where attrelid = to_regclass('public.schema_migrations') and attname = 'name')"
    ).fetchone()
    if not found or not found[0]:
        return set()
    return {str(name) for (name,) in connection.execute("select name from public.schema_migrations")}


def _constraints(connection: "psycopg.Connection[Any]", facts: Facts) -> None:
    for schema, table, name, written, checked, check, to_schema, to in connection.execute(_CONSTRAINTS):
        place = Name(schema, table), name
        facts.constraints.add(place)
        if check:
            _check(facts, place, written, checked=checked)
        if to is not None:
            target = Name(to_schema, to)
            facts.referred[target] = facts.referred.get(target, frozenset()) | {place[0]}


def _check(facts: Facts, place: tuple[Name, str], written: str, *, checked: bool) -> None:
    """A check as `pg_get_constraintdef` writes it, read as a file's would be."""
    for kind, node in query(f"alter table t add {written}"):
        for what in alter_table(node) if kind == "AlterTableStmt" else ():
            if isinstance(what, AlterTable) and isinstance(added := what.actions[0], AddConstraint):
                if added.constraint.expression is not None:
                    facts.checks[place] = (added.constraint.expression, checked)
                if added.constraint.proves_not_null:
                    facts.proofs[place] = (added.constraint.proves_not_null, checked)
