"""The files that a live ledger names, applied anew, and the two databases compared."""

import msgspec

from lamppost.migrate.drift.catalog import Described, describe
from lamppost.migrate.drift.compare import PRINTED, Difference, Suspects, differences
from lamppost.migrate.files import Bundle, Migration
from lamppost.migrate.replay import replay


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One database: the versions of both servers, what differs, and what could not be replayed."""

    database: str
    live: str
    replayed: str
    files: int
    differences: list[Difference]
    # The same, as far as one can tell, in the words of another version of PostgreSQL.
    printed: list[Difference] = []
    # In the ledger, and in no folder here.
    unknown: tuple[str, ...] = ()
    other_schemas: tuple[str, ...] = ()


class Applied(msgspec.Struct, frozen=True):
    """The bundle in the light of a ledger: files that are in, in the order they went in, and suspects."""

    migrations: tuple[Migration, ...]
    suspects: Suspects
    unknown: tuple[str, ...]


def applied(bundle: Bundle, live: Described) -> Applied:
    """Which files of `bundle` the live database has whole, half, in another wording, or not yet."""
    by_name = {migration.name: migration for migration in bundle.migrations}
    rows = {row.name: row for row in live.rows}
    whole = [by_name[row.name] for row in live.rows if row.name in by_name and row.statements is None]
    return Applied(
        migrations=tuple(whole),
        suspects=Suspects(
            unfinished=tuple(
                by_name[n] for n, row in rows.items() if n in by_name and row.statements is not None
            ),
            edited=tuple(
                one
                for one in whole
                if (row := rows[one.name]).sha256 not in {None, one.sha256}
                and row.text_sha256 != one.text_sha256
            ),
            pending=tuple(one for one in bundle.migrations if one.name not in rows),
        ),
        unknown=tuple(name for name in rows if name not in by_name),
    )


class Place(msgspec.Struct, frozen=True):
    """An empty, prepared database of a throw-away server, the role that owns its tables, and its schemas.

    No schemas: all that the database has.
    """

    database: str
    conninfo: str
    role: str | None
    schemas: tuple[str, ...] | None


def compared(place: Place, bundle: Bundle, live: Described) -> Drift:
    """Replay on `place` what the ledger of `live` names, and compare the two."""
    found = applied(bundle, live)
    replay(place.conninfo, found.migrations, bundle.services, place.role)
    made = describe(place.conninfo, place.schemas)
    others = live.other_schemas
    if place.schemas is None:
        own = {thing.schema for thing in made.things}
        others = tuple(sorted({thing.schema for thing in live.things} - own))
        made, live = _within(made, own), _within(live, own)
    different = differences(made, live, found.suspects)
    return Drift(
        database=place.database,
        live=_version(live),
        replayed=_version(made),
        files=len(found.migrations),
        differences=[one for one in different if one.cause != PRINTED],
        printed=[one for one in different if one.cause == PRINTED],
        unknown=found.unknown,
        other_schemas=tuple(one for one in others if one != "public"),
    )


def _within(described: Described, schemas: set[str]) -> Described:
    """Only these schemas, and of `public`, which every database has, only what stands in it."""
    things = {
        thing: definition
        for thing, definition in described.things.items()
        if thing.schema in schemas and not (thing.kind == "schema" and thing.name == "public")
    }
    return msgspec.structs.replace(described, things=things)


def _version(described: Described) -> str:
    return f"{described.version // 10000}.{described.version % 10000}"
