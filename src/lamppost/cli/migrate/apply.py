"""`lamppost migrate apply`: bring every database to the state of the files."""

from typing import TYPE_CHECKING

from lamppost.cli.migrate.targets import Folder, Late, Postgres, connected, counted, targets
from lamppost.cli.output import show, wants_json
from lamppost.cli.running import DEFAULT_DATA, Data, Json

if TYPE_CHECKING:
    from lamppost.migrate.events import Event


def apply(
    folder: Folder = None,
    /,
    *,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    allow_late: Late = False,
    json: Json = False,
) -> int:
    """Bring every database to the state of the files. Safe to run at any time and more than once."""
    from lamppost.migrate.apply import apply as apply_to

    applied: dict[str, tuple[str, ...]] = {}
    heads: dict[str, dict[str, str]] = {}
    quiet = wants_json(json)

    def report(event: "Event") -> None:
        if not quiet:
            print(f"  {event}")

    for target in targets(folder, data, postgres):
        with connected(target):
            pass
        outcome = apply_to(
            target.conninfo, target.bundle, role=target.role, report=report, allow_late=allow_late
        )
        applied[target.database], heads[target.database] = outcome.applied, outcome.head
    count = sum(len(names) for names in applied.values())
    words = f"{counted(count, 'migration')} applied" if count else "nothing to apply"
    facts = {name: {"applied": applied[name], "head": heads[name]} for name in applied}
    show(
        {"databases": facts},
        lambda: f"{words}; {counted(len(applied), 'database')} up to date",
        as_json=json,
    )
    return 0
