"""What the catalog is asked, and in which words an answer becomes a finding."""

from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg.rows import dict_row

from lamppost.declare.tenancy import Tenants
from lamppost.diagnose.finding import Finding, Severity

Connection = psycopg.Connection[Any]


class Rule(msgspec.Struct, frozen=True):
    """One leak. `sql` gives a row per case, with the columns that `{…}` in the words name; `where` is one.

    Parameters: `%(schemas)s`, `%(column)s`, `%(tables)s` (oids of tenants' tables), `%(children)s` (oids of
    tables whose rows belong to rows of those), `%(memberships)s`, `%(subject)s`, `%(app)s`, `%(migrator)s`.
    """

    code: str
    what: str
    fix: str
    sql: LiteralString
    severity: Severity = "wrong"


class Scope(msgspec.Struct, frozen=True):
    """What is looked at: the schemas of services with these tenants, and the roles of their database."""

    schemas: tuple[str, ...]
    tenants: Tenants
    app: str
    migrator: str


_ROLES = "select rolname from pg_roles where rolname = any(%s)"
# Partitions count each for itself: asked directly, none stands behind its parent's policies.
_TABLES = """
select coalesce(array_agg(pg_class.oid), '{}')::text
  from pg_class
  join pg_namespace on pg_namespace.oid = pg_class.relnamespace
  join pg_attribute on pg_attribute.attrelid = pg_class.oid
 where pg_namespace.nspname = any(%(schemas)s::text[])
   and pg_class.relkind in ('r', 'p', 'f')
   and pg_attribute.attname = %(column)s::name
   and not pg_attribute.attisdropped
"""
_CHILDREN = """
with recursive child as (
    select pg_constraint.conrelid as oid
      from pg_constraint
     where pg_constraint.contype = 'f'
       and pg_constraint.confrelid = any(%(tables)s::oid[])
       and pg_constraint.conrelid <> all(%(tables)s::oid[])
     union
    select pg_constraint.conrelid
      from child
      join pg_constraint on pg_constraint.confrelid = child.oid and pg_constraint.contype = 'f'
     where pg_constraint.conrelid <> all(%(tables)s::oid[])
)
select coalesce(array_agg(oid), '{}')::text from child
"""


def parameters(connection: Connection, scope: Scope) -> dict[str, Any]:
    """What every rule's SQL is given. A role that does not exist is null: what it might do counts as done."""
    standing = {name for (name,) in connection.execute(_ROLES, ([scope.app, scope.migrator],)).fetchall()}
    given: dict[str, Any] = {
        "schemas": list(scope.schemas),
        "column": scope.tenants.tenant,
        "memberships": scope.tenants.memberships,
        "subject": scope.tenants.subject,
        "app": scope.app if scope.app in standing else None,
        "migrator": scope.migrator if scope.migrator in standing else None,
    }
    for name, query in (("tables", _TABLES), ("children", _CHILDREN)):
        row = connection.execute(query, given).fetchone()
        # As text: an oid[] that comes back as a list of ints would be sent as bigint[].
        given[name] = row[0] if row else "{}"
    return given


def ask(connection: Connection, rule: Rule, given: dict[str, Any]) -> list[Finding]:
    """The rule's findings, sorted by where."""
    rows = connection.cursor(row_factory=dict_row).execute(rule.sql, given).fetchall()
    found = [
        Finding(rule.code, rule.severity, row["where"], rule.what.format(**row), rule.fix.format(**row))
        for row in rows
    ]
    return sorted(found, key=lambda finding: (finding.where, finding.what))
