"""`lamppost migrate baseline`: adopt a database that was made without Lamppost."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.migrate.targets import Postgres, connected, counted, targets
from lamppost.cli.output import show
from lamppost.cli.running import DEFAULT_DATA, Data, Json
from lamppost.errors import AuthorError


def baseline(
    name: Annotated[
        str | None, Parameter(help="The last file the database already has: all of its service up to it.")
    ] = None,
    /,
    *,
    all_: Annotated[
        bool, Parameter(name="--all", negative=(), help="Every file of every service, instead of a name.")
    ] = False,
    why: Annotated[str, Parameter(help="How the database came by its tables; kept with each row.")],
    folder: Annotated[
        Path | None, Parameter(help="A folder of files outside a Lamppost repository; needs --postgres.")
    ] = None,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    json: Json = False,
) -> int:
    """Record files as applied without running them, for a database that has their tables already."""
    from lamppost.migrate.baseline import baseline as adopt

    if (name is None) != all_:
        raise AuthorError(
            "say either the last file that the database has, or --all",
            fix="lamppost migrate status lists the files",
            code="baseline_name",
        )
    found: dict[str, tuple[str, ...]] = {}
    for target in targets(folder, data, postgres):
        if name is not None and all(migration.name != name for migration in target.bundle.migrations):
            continue
        with connected(target):
            pass
        found[target.database] = adopt(target.conninfo, target.bundle, upto=name, why=why, role=target.role)
    if not found:
        raise AuthorError(
            f"there is no migration {name}",
            fix="write a file's full name, as `lamppost migrate status` shows it",
            code="baseline_name",
        )
    lines = [f"{database}: recorded {one}, not run" for database, names in found.items() for one in names]
    count = counted(len(lines), "migration")
    words = f"{count} recorded as applied" if lines else "nothing to record: the ledger says so already"
    show({"databases": found, "why": why}, lambda: "\n".join([*lines, words]), as_json=json)
    return 0
