"""`lamppost migrate status`: which files each database has, and which it lacks; or how two places differ."""

from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from lamppost.cli.migrate.targets import Folder, Postgres, Soak, connected, counted, soak_of, targets
from lamppost.cli.output import safe, show
from lamppost.cli.running import DEFAULT_DATA, Data, Json
from lamppost.errors import AuthorError

if TYPE_CHECKING:
    from lamppost.migrate.contract import Release
    from lamppost.migrate.plan import Status


def status(
    folder: Folder = None,
    /,
    *,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    soak: Soak = None,
    check: Annotated[
        bool, Parameter(name="--check", negative=(), help="Exit 1 when anything is pending, for CI.")
    ] = False,
    stage: Annotated[
        str | None, Parameter(help="Compare this place (a stage, `local`, or a URL) …", show_default=False)
    ] = None,
    against: Annotated[
        str | None, Parameter(help="… with this one: exit 1 when they differ.", show_default=False)
    ] = None,
    json: Json = False,
) -> int:
    """Every migration of every database, and its state. Exit 1 when something would be refused."""
    if stage is not None or against is not None:
        from lamppost.cli.migrate.places import differences

        if stage is None or against is None:
            raise AuthorError(
                "a comparison takes two places", fix="say --stage A --against B", code="migration_stages"
            )
        return differences(stage, against, data, json)
    from lamppost.migrate import releases
    from lamppost.migrate.plan import REFUSED
    from lamppost.migrate.plan import status as status_of

    found: dict[str, Status] = {}
    live: dict[str, dict[str, Release]] = {}
    for target in targets(folder, data, postgres):
        with connected(target) as connection:
            found[target.database] = status_of(connection, target.bundle, soak=soak_of(soak, postgres))
            live[target.database] = {one.service: one for one in releases.read(connection)}
    pending = sum(one.count("pending", "unfinished") for one in found.values())
    refused = sum(one.count(*REFUSED) for one in found.values())
    jobs = sum(one.count("job") for one in found.values())
    value = {
        "databases": {name: _facts(one, live[name]) for name, one in found.items()},
        "pending": pending,
        "refused": refused,
        "jobs": jobs,
    }
    show(value, lambda: _words(found, live, pending, refused), as_json=json)
    return 1 if refused or (check and pending) else 0


def _facts(one: "Status", live: "dict[str, Release]") -> dict[str, Any]:
    return {"entries": one.entries, "head": one.head, "live": live}


def _words(
    found: "dict[str, Status]", live: "dict[str, dict[str, Release]]", pending: int, refused: int
) -> str:
    lines: list[str] = []
    for database, one in found.items():
        lines.append(f"{database}: {counted(one.count('applied'), 'migration')} applied")
        for entry in one.entries:
            if entry.state != "applied" or entry.about:
                phase = " (contract)" if entry.phase == "contract" else ""
                about = f": {entry.about}" if entry.about else ""
                lines.append(f"  {entry.state:<14} {entry.name}{phase}{about}")
        lines += [
            f"  live           {release.service}: {release.head},"
            f" since {release.live_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            for release in live[database].values()
        ]
    if refused:
        lines.append(
            f"{counted(refused, 'migration')} would be refused: lamppost migrate plan says why and what to do"
        )
    elif pending:
        lines.append(f"{counted(pending, 'migration')} pending: lamppost migrate apply")
    else:
        lines.append(f"{counted(len(found), 'database')} up to date")
    return safe("\n".join(lines))
