"""`lamppost migrate plan`: what `apply` would do."""

from typing import TYPE_CHECKING, Any

from lamppost.cli.migrate.targets import Folder, Late, Postgres, connected, counted, targets
from lamppost.cli.output import show
from lamppost.cli.running import DEFAULT_DATA, Data, Json

if TYPE_CHECKING:
    from lamppost.migrate.plan import Plan


def plan(
    folder: Folder = None,
    /,
    *,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    allow_late: Late = False,
    json: Json = False,
) -> int:
    """What `apply` would do, and what it would refuse."""
    from lamppost.migrate.plan import plan as plan_of

    found: dict[str, Plan] = {}
    for target in targets(folder, data, postgres):
        with connected(target) as connection:
            found[target.database] = plan_of(connection, target.bundle, allow_late=allow_late)
    value = {database: _facts(one) for database, one in found.items()}
    show({"databases": value}, lambda: _words(found), as_json=json)
    return 1 if any(one.refusals for one in found.values()) else 0


def _words(found: "dict[str, Plan]") -> str:
    lines: list[str] = []
    for database, one in found.items():
        for migration in one.pending:
            ran = one.begun.get(migration.name)
            how = "" if migration.in_transaction else " (statement by statement, no transaction)"
            lines.append(
                f"{database}: apply {migration.name}{how}{f', from statement {ran + 1}' if ran else ''}"
            )
        lines += [f"{database}: {notice}" for notice in one.notices]
        lines += [f"{database}: refused: {refusal}" for refusal in one.refusals]
    pending = sum(len(one.pending) for one in found.values())
    refused = sum(len(one.refusals) for one in found.values())
    verdict = (
        f"{counted(refused, 'migration')} refused: nothing would be applied there"
        if refused
        else f"{counted(pending, 'migration')} to apply"
    )
    return "\n".join([*lines, verdict])


def _facts(one: "Plan") -> dict[str, Any]:
    return {
        "pending": [
            {
                "name": migration.name,
                "in_transaction": migration.in_transaction,
                "ran": one.begun.get(migration.name),
            }
            for migration in one.pending
        ],
        "notices": one.notices,
        "refusals": [{"what": r.what, "fix": r.fix, "code": r.code} for r in one.refusals],
    }
