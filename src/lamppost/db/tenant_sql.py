"""The statements of `tenancy`: each tells one transaction for whom it works, in one round trip."""

from functools import cache
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from lamppost.db.connect import Connection
from lamppost.declare.tenancy import Tenants
from lamppost.errors import AuthorError

# The caller must be set before the memberships are read: they have a policy of their own, which compares
# with it. LATERAL and OFFSET 0 keep the planner from any other order. Two rows are enough to know "several".
_ENTER = """
select found.members, found.tenant, found.role, caller.before,
       case when found.members = 1 and caller.before in ('', found.tenant)
            then set_config('app.tenant_id', found.tenant, true) end,
       case when found.members = 1 and caller.before in ('', found.tenant)
            then set_config('app.role', found.role, true) end
  from (select coalesce(current_setting('app.tenant_id', true), '') as before,
               set_config('app.user_id', %(caller)s, true) as subject
        offset 0) as caller
 cross join lateral (
       select count(*) as members, min(member.tenant) as tenant, min(member.role) as role
         from (select {tenant}::text as tenant, coalesce({role}::text, '') as role
                 from {memberships}
                where {subject} = %(subject)s and caller.subject is not null{conditions}
                limit 2) as member
       offset 0) as found
"""
_SET = b"""
select caller.before,
       case when caller.before in ('', %(tenant)s) then set_config('app.tenant_id', %(tenant)s, true) end,
       case when caller.before in ('', %(tenant)s) then set_config('app.role', %(role)s, true) end,
       set_config('app.user_id', %(caller)s, true)
  from (select coalesce(current_setting('app.tenant_id', true), '') as before offset 0) as caller
"""
_CALLER = b"select set_config('app.user_id', %(caller)s, true)"


def enter(db: Connection, tenants: Tenants, subject: str, requested: str | None) -> tuple[int, str, str]:
    """Look the membership up, and with exactly one found, set tenant and role; the caller always.

    How many there are (0, 1, or 2 for several), and the tenant and role of the only one.
    """
    given = {
        "caller": subject,
        "subject": subject,
        "tenant": requested,
        "active": tenants.active and tenants.active[1],
    }
    try:
        members, found, role, before, *_ = _row(db, _statement(tenants, requested is not None), given)
    except (psycopg.DataError, UnicodeEncodeError):
        # A subject that the column cannot hold (no uuid, a NUL) has no row there.
        return 0, "", ""
    # Inside a tenant the memberships of others do not show: "no member" would be the wrong word for it.
    _check_same(db, before, found if members == 1 else requested or "")
    return members, found or "", role or ""


def set_tenant(db: Connection, tenant: str, *, caller: str, role: str) -> None:
    """Set tenant, caller and role without asking any table."""
    before, *_ = _row(db, _SET, {"tenant": tenant, "caller": caller, "role": role})
    _check_same(db, before, tenant)


def set_caller(db: Connection, caller: str) -> None:
    """Set the caller alone."""
    _row(db, _CALLER, {"caller": caller})


def _check_same(db: Connection, before: str, wanted: str) -> None:
    if before in ("", wanted):
        return
    # A second tenant in one transaction, or a plain SET left on a pooled session: nobody may use it further.
    db.close()
    raise AuthorError(
        "this transaction works for another tenant already",
        fix="end it before the next tenant's begins; never set app.tenant_id by hand",
        code="tenant_switch",
    )


def _row(db: Connection, statement: bytes, given: dict[str, Any]) -> tuple[Any, ...]:
    # The transaction may be shared with someone who has set another row_factory.
    row = db.cursor(row_factory=tuple_row).execute(statement, given).fetchone()
    if row is None:
        raise RuntimeError("a statement that always has one row had none")
    return row


@cache
def _statement(tenants: Tenants, requested: bool) -> bytes:
    conditions: list[sql.Composable] = []
    if requested:
        conditions.append(sql.SQL(" and {} = %(tenant)s").format(sql.Identifier(tenants.tenant)))
    if tenants.active is not None:
        conditions.append(sql.SQL(" and {} = %(active)s").format(sql.Identifier(tenants.active[0])))
    return (
        sql.SQL(_ENTER)
        .format(
            memberships=sql.Identifier(tenants.schema, tenants.table),
            tenant=sql.Identifier(tenants.tenant),
            subject=sql.Identifier(tenants.subject),
            role=sql.Identifier(tenants.role),
            conditions=sql.Composed(conditions),
        )
        .as_bytes(None)
    )
