"""`lamppost migrate drift`: what a live database has that its files do not make."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lamppost.cli.migrate.targets import Folder, Postgres, Target, connected, counted, targets
from lamppost.cli.output import safe, show
from lamppost.cli.running import DEFAULT_DATA, Data, Json

if TYPE_CHECKING:
    from lamppost.local.postgres.cluster import Cluster
    from lamppost.migrate.drift.catalog import Described
    from lamppost.migrate.drift.replayed import Drift, Place

Programs = Annotated[
    Path | None, Parameter(name="--pg-bin", help="The bin folder of the PostgreSQL to replay on.")
]
WIDTH = 300


def drift(
    folder: Folder = None,
    /,
    *,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    pg_bin: Programs = None,
    json: Json = False,
) -> int:
    """Replay on a throw-away server what the ledger says is applied, and compare the two databases."""
    from lamppost.local.postgres import throwaway
    from lamppost.migrate.drift.catalog import describe
    from lamppost.migrate.drift.replayed import compared

    found: list[Drift] = []
    with throwaway.server(pg_bin) as cluster:
        for target in targets(folder, data, postgres):
            with connected(target):
                pass
            schemas = None if target.role is None else target.bundle.services
            live = describe(target.conninfo, schemas)
            place = _prepared(cluster, target, live)
            found.append(compared(place, target.bundle, live))
    count = sum(len(one.differences) for one in found)
    show({"databases": found, "differences": count}, lambda: safe(_words(found, count)), as_json=json)
    return 1 if count else 0


def _prepared(cluster: "Cluster", target: Target, live: "Described") -> "Place":
    """An empty database with the live one's roles, so that owners and rights can be compared."""
    import psycopg
    from psycopg import sql

    from lamppost.migrate.drift.replayed import Place
    from lamppost.migrate.provision import provision

    schemas = None if target.role is None else target.bundle.services
    if schemas is not None:
        own = [schema for schema in schemas if schema != "lamppost"]
        provision(cluster.dsn("postgres"), target.database, own, "drift")
    owner = target.role or live.owner
    # Any database may be somebody's, PostgreSQL's own among them, and those stand here already.
    name = target.database if schemas is not None else f"{target.database}_replayed"
    with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as admin:
        standing = {row[0] for row in admin.execute("select rolname from pg_roles").fetchall()}
        for role in live.roles:
            if role not in standing:
                admin.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
        if schemas is None:
            admin.execute(
                sql.SQL("create database {} owner {}").format(
                    sql.Identifier(name), sql.Identifier(owner or cluster.user)
                )
            )
    return Place(target.database, cluster.dsn(name), owner, schemas)


def _words(found: "list[Drift]", count: int) -> str:
    lines: list[str] = []
    for one in found:
        lines.append(
            f"{one.database}: {counted(one.files, 'file')} replayed on PostgreSQL {one.replayed},"
            f" the database is {one.live}: {counted(len(one.differences), 'difference')}"
        )
        for difference in one.differences:
            name = f"{difference.schema}.{difference.name}"
            lines.append(f"  {difference.kind} {name}: {difference.how}: {difference.cause}")
            if difference.files and difference.live:
                lines.append(f"      files    {_short(difference.files)}")
            if difference.live:
                lines.append(f"      database {_short(difference.live)}")
        if one.printed:
            printed = ", ".join(f"{same.kind} {same.schema}.{same.name}" for same in one.printed)
            lines.append(f"  the same, printed otherwise by another version: {printed}")
        lines += [f"  {name} is in the ledger, and in no folder here: not replayed" for name in one.unknown]
        if one.other_schemas:
            lines.append(f"  not looked at, for no service owns them: {', '.join(one.other_schemas)}")
    lines.append(
        f"{counted(count, 'difference')}: write what should stay as a migration, undo the rest"
        if count
        else f"{counted(len(found), 'database')} as the files make them"
    )
    return "\n".join(lines)


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
