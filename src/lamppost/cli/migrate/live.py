"""`lamppost migrate live`: say that the code released with these files serves requests."""

from lamppost.cli.migrate.targets import Folder, Postgres, connected, counted, targets
from lamppost.cli.output import show
from lamppost.cli.running import DEFAULT_DATA, Data, Json


def live(
    folder: Folder = None, /, *, data: Data = DEFAULT_DATA, postgres: Postgres = None, json: Json = False
) -> int:
    """Record that the code released with the present files is live. Contract files count from here.

    The migrator function does it after a deploy; say it where you deploy by hand. Twice is once.
    """
    from lamppost.migrate.live import live as record

    found = {}
    for target in targets(folder, data, postgres):
        with connected(target):
            pass
        found[target.database] = record(target.conninfo, target.bundle, role=target.role)
    lines = [
        f"{database}: {release.service} is live with {release.head}"
        for database, releases in found.items()
        for release in releases
    ]
    count = counted(len(lines), "release")
    show({"databases": found}, lambda: "\n".join([*lines, f"{count} recorded"]), as_json=json)
    return 0
