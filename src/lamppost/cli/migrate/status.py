"""`lamppost migrate status`: which files each database has, and which it lacks."""

from typing import TYPE_CHECKING

from lamppost.cli.migrate.targets import Folder, Postgres, connected, counted, targets
from lamppost.cli.output import show
from lamppost.cli.running import DEFAULT_DATA, Data, Json

if TYPE_CHECKING:
    from lamppost.migrate.plan import Status


def status(
    folder: Folder = None, /, *, data: Data = DEFAULT_DATA, postgres: Postgres = None, json: Json = False
) -> int:
    """Every migration of every database, and its state."""
    from lamppost.migrate.plan import REFUSED
    from lamppost.migrate.plan import status as status_of

    found: dict[str, Status] = {}
    for target in targets(folder, data, postgres):
        with connected(target) as connection:
            found[target.database] = status_of(connection, target.bundle)
    pending = sum(one.count("pending", "unfinished") for one in found.values())
    refused = sum(one.count(*REFUSED) for one in found.values())
    value = {"databases": found, "pending": pending, "refused": refused}
    show(value, lambda: _words(found, pending, refused), as_json=json)
    return 1 if refused else 0


def _words(found: "dict[str, Status]", pending: int, refused: int) -> str:
    lines: list[str] = []
    for database, one in found.items():
        lines.append(f"{database}: {counted(one.count('applied'), 'migration')} applied")
        lines += [
            f"  {entry.state:<10} {entry.name}{f': {entry.about}' if entry.about else ''}"
            for entry in one.entries
            if entry.state != "applied" or entry.about
        ]
    if refused:
        lines.append(
            f"{counted(refused, 'migration')} would be refused: lamppost migrate plan says why and what to do"
        )
    elif pending:
        lines.append(f"{counted(pending, 'migration')} pending: lamppost migrate apply")
    else:
        lines.append(f"{counted(len(found), 'database')} up to date")
    return "\n".join(lines)
