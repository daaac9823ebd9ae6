"""`lamppost migrate plan`: what `apply` would do, and what that would mean for a database in use."""

from typing import TYPE_CHECKING, Any

from lamppost.cli.migrate.targets import Folder, Late, Postgres, Soak, connected, counted, soak_of, targets
from lamppost.cli.output import safe, show, table
from lamppost.cli.running import DEFAULT_DATA, Data, Json

if TYPE_CHECKING:
    from lamppost.cli.migrate.outlook import Outlook
    from lamppost.migrate.plan import Plan
    from lamppost.migrate.risk import StatementRisk

WIDTH = 56


def plan(
    folder: Folder = None,
    /,
    *,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    allow_late: Late = False,
    soak: Soak = None,
    json: Json = False,
) -> int:
    """What `apply` would do, with locks, rows and risk, and what it would refuse."""
    from lamppost.cli.migrate.outlook import outlook
    from lamppost.migrate.plan import plan as plan_of

    found: dict[str, tuple[Plan, dict[str, Outlook]]] = {}
    for target in targets(folder, data, postgres):
        with connected(target) as connection:
            todo = plan_of(connection, target.bundle, allow_late=allow_late, soak=soak_of(soak, postgres))
            pg = str(connection.info.server_version // 10000)
        found[target.database] = todo, outlook(target.conninfo, target.bundle, todo, pg)
    value = {database: _facts(*one) for database, one in found.items()}
    show({"databases": value}, lambda: safe(_words(found)), as_json=json)
    return 1 if any(todo.refusals for todo, _ in found.values()) else 0


def _words(found: "dict[str, tuple[Plan, dict[str, Outlook]]]") -> str:
    lines: list[str] = []
    for database, (todo, outlooks) in found.items():
        for migration in todo.pending:
            ran = todo.begun.get(migration.name)
            how = "" if migration.in_transaction else " (statement by statement, no transaction)"
            start = f", from statement {ran + 1}" if ran else ""
            lines.append(f"{database}: apply {migration.name}{how}{start}")
            lines += _outlook_words(outlooks[migration.name])
        for migration in todo.jobs:
            lines.append(f"{database}: open job {migration.name}, beside the deploy")
            lines += _outlook_words(outlooks[migration.name])
        lines += [f"{database}: {notice}" for notice in todo.notices]
        lines += [f"{database}: refused: {refusal}" for refusal in todo.refusals]
    pending = sum(len(todo.pending) for todo, _ in found.values())
    refused = sum(len(todo.refusals) for todo, _ in found.values())
    verdict = (
        f"{counted(refused, 'migration')} refused: nothing would be applied there"
        if refused
        else f"{counted(pending, 'migration')} to apply"
    )
    return "\n".join([*lines, verdict])


def _outlook_words(seen: "Outlook") -> list[str]:
    rows = [
        (one.line, _cut(one.text), _locks(one), _rows(one), one.waits, one.risk)
        for one in seen.risk.statements
    ]
    listed = table(rows, ("line", "statement", "locks", "rows", "who waits", "risk"))
    return [*(f"  {line}" for line in listed.split("\n")), f"  {seen.verdict}"]


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _locks(one: "StatementRisk") -> str:
    """The strongest lock and how many more: the JSON names all."""
    from lamppost.migrate.effects.kinds import MODES

    if not one.locks:
        return "-"
    name, mode = max(one.locks, key=lambda lock: MODES.index(lock[1]))
    more = f" +{len(one.locks) - 1}" if len(one.locks) > 1 else ""
    return f"{mode} on {name}{more}"


def _rows(one: "StatementRisk") -> str:
    if not one.sizes:
        return "-"
    return "unknown" if one.rows is None else f"~{one.rows:,}"


def _facts(todo: "Plan", outlooks: "dict[str, Outlook]") -> dict[str, Any]:
    def facts(name: str) -> dict[str, Any]:
        seen = outlooks[name]
        return {"risk": seen.risk.heaviest, "statements": seen.risk.statements, "findings": seen.findings}

    return {
        "pending": [
            {
                "name": migration.name,
                "in_transaction": migration.in_transaction,
                "ran": todo.begun.get(migration.name),
                **facts(migration.name),
            }
            for migration in todo.pending
        ],
        "jobs": [{"name": migration.name, **facts(migration.name)} for migration in todo.jobs],
        "notices": todo.notices,
        "refusals": [{"what": r.what, "fix": r.fix, "code": r.code} for r in todo.refusals],
    }
