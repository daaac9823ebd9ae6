"""Policies that let more through than one tenant's rows."""

from typing import Any

import msgspec

from lamppost.diagnose.finding import Finding
from lamppost.diagnose.tenancy.expressions import Judgement, judge
from lamppost.diagnose.tenancy.rule import Connection

# Those that hold for the app role. A tenants' list has its own key for the tenant's column.
_POLICIES = """
select pg_policy.polrelid::regclass::text, pg_policy.polname, pg_policy.polcmd::text, pg_policy.polpermissive,
       pg_get_expr(pg_policy.polqual, pg_policy.polrelid),
       pg_get_expr(pg_policy.polwithcheck, pg_policy.polrelid),
       case when pg_policy.polrelid = any(%(tables)s::oid[]) then %(column)s::name
            when root.key is not null then root.key
       end
  from pg_policy
  left join lateral (
       select pg_attribute.attname as key
         from pg_constraint
         join pg_attribute on attrelid = confrelid and attnum = confkey[1]
        where contype = 'f' and confrelid = pg_policy.polrelid and cardinality(confkey) = 1
          and conrelid = any(%(tables)s::oid[])
          and exists (select from pg_attribute as own
                       where own.attrelid = conrelid and own.attnum = conkey[1]
                         and own.attname = %(column)s::name)
        limit 1) as root on true
 where (pg_policy.polrelid = any(%(tables)s::oid[]) or pg_policy.polrelid = any(%(children)s::oid[])
        or root.key is not null)
   and (0 = any(pg_policy.polroles) or %(app)s::name is null
        or exists (select from unnest(pg_policy.polroles) as role
                    where role <> 0 and pg_has_role(%(app)s::name, role, 'member')))
 order by 1, 2
"""

_WORDS: dict[Judgement, tuple[str, str]] = {
    "true": ("policy_true", "lets every row through"),
    "without_nullif": (
        "policy_without_nullif",
        "fails in a session that worked for a tenant before: the setting is then '', which is no uuid",
    ),
    "other_setting": (
        "policy_other_setting",
        "compares with a setting that lamppost.db.tenant() does not set",
    ),
    "own_everywhere": (
        "own_rows_everywhere",
        "shows the caller's rows of other tenants, inside a tenant too",
    ),
    "open": ("policy_open", "is not known to keep to one tenant"),
}


class Policy(msgspec.Struct, frozen=True):
    """A policy as the catalog has it; `command` is one of r a w d *, `column` the tenant's, if any."""

    table: str
    name: str
    command: str
    permissive: bool
    using: str | None
    check: str | None
    column: str | None


def findings(connection: Connection, given: dict[str, Any]) -> list[Finding]:
    """What the policies of tenants' tables let through."""
    policies = [Policy(*row) for row in connection.execute(_POLICIES, given).fetchall()]
    walled = {policy.table for policy in policies if _walls_all(policy)}
    return [
        finding
        for policy in policies
        if policy.permissive and policy.table not in walled
        for finding in _findings(policy)
    ]


def _walls_all(policy: Policy) -> bool:
    """A restrictive policy that keeps every command to one tenant: whatever else allows, it does not."""
    if policy.permissive or policy.command != "*" or policy.column is None:
        return False
    return all(judge(part, policy.column) == "wall" for part in (policy.using, policy.check) if part)


def _findings(policy: Policy) -> list[Finding]:
    found = []
    reads = _judged(policy.using, policy)
    if reads in _WORDS and not (reads == "own_everywhere" and policy.command != "r"):
        found.append(_finding(policy, *_WORDS[reads], "using"))
    elif reads in ("own", "own_everywhere") and policy.command != "r":
        found.append(_finding(policy, "policy_open", "lets a caller change rows of any tenant", "using"))
    writes = _judged(policy.check, policy)
    if writes is not None and writes != "wall":
        found.append(_finding(policy, "check_open", "lets rows be written into another tenant", "with check"))
    if policy.command in "w*" and policy.check is None and not found:
        found.append(
            Finding(
                "policy_without_check",
                "advice",
                policy.table,
                f"policy {policy.name} has no with check: using is taken for it, until somebody widens it",
                f"alter policy {policy.name} on {policy.table} with check ({policy.using})",
            )
        )
    return found


def _judged(part: str | None, policy: Policy) -> Judgement | None:
    if part is None:
        return None
    if policy.column is None:
        # Without a tenant's column a policy asks another table. Only `true` is certainly wrong.
        return "true" if judge(part, "") == "true" else "wall"
    return judge(part, policy.column)


def _finding(policy: Policy, code: str, harm: str, part: str) -> Finding:
    column = policy.column or "tenant_id"
    wall = f"{column} = (select lamppost.tenant_id())"
    if code == "own_rows_everywhere":
        wall = f"{policy.using} and (select lamppost.tenant_id()) is null"
    return Finding(
        code,
        "wrong",
        policy.table,
        f"policy {policy.name} {harm}",
        f"alter policy {policy.name} on {policy.table} {part} ({wall})",
    )
