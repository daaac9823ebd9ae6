"""Two descriptions side by side: what differs, and what probably made it so. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from lamppost.migrate.drift.catalog import Described, Thing
from lamppost.migrate.files import Migration

How = Literal["only in the database", "missing in the database", "different"]

_WORDS = re.compile(r"\w+")
# What servers of other versions write otherwise: brackets, casts, blanks, names of tables before columns.
_DRESS = re.compile(r"::\"?[a-z_ ]+\"?(\(\d+\))?(\[\])?|[()\s]|\b\w+\.")
PRINTED = "PostgreSQL version prints differently"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as the files make it. `files` and `live` define it there, None where absent."""

    schema: str
    kind: str
    name: str
    how: How
    cause: str
    files: str | None
    live: str | None


class Suspects(msgspec.Struct, frozen=True):
    """Files that may have to do with a difference, by what is wrong with them."""

    unfinished: tuple[Migration, ...] = ()
    edited: tuple[Migration, ...] = ()
    pending: tuple[Migration, ...] = ()


def differences(files: Described, live: Described, suspects: Suspects) -> list[Difference]:
    """What differs between the database made from the files and the live one, by schema."""
    same_version = files.version // 10000 == live.version // 10000
    return sorted(
        _found(files.things, live.things, suspects, same_version=same_version),
        key=lambda one: (one.schema, one.kind, one.name),
    )


def _found(
    files: Mapping[Thing, str], live: Mapping[Thing, str], suspects: Suspects, *, same_version: bool
) -> Iterator[Difference]:
    for thing in files.keys() | live.keys():
        made, stands = files.get(thing), live.get(thing)
        if made == stands or _implied(thing, files, live):
            continue
        how: How = "different"
        if made is None:
            how = "only in the database"
        elif stands is None:
            how = "missing in the database"
        printed = not same_version and _DRESS.sub("", made or "") == _DRESS.sub("", stands or "")
        yield Difference(
            schema=thing.schema,
            kind=thing.kind,
            name=thing.name,
            how=how,
            cause=PRINTED if printed else _cause(thing, stands, suspects),
            files=made,
            live=stands,
        )


def _implied(thing: Thing, files: Mapping[Thing, str], live: Mapping[Thing, str]) -> bool:
    """Whether it belongs to a table that is missing on one side as a whole: the table is named, once."""
    table = thing.name.partition(".")[0]
    if thing.kind == "schema" or (thing.kind in _RELATIONS and "." not in thing.name):
        return False
    for kind in _RELATIONS:
        owner = Thing(thing.schema, kind, table)
        if "." in thing.name and (owner in files) != (owner in live):
            return True
    return False


_RELATIONS = ("table", "view", "materialized view", "foreign table", "sequence")


def _cause(thing: Thing, stands: str | None, suspects: Suspects) -> str:
    if stands is not None and stands.endswith("(INVALID)"):
        return "INVALID index left by a concurrent build"
    for why, suspected in (
        ("failed or unfinished file", suspects.unfinished),
        ("edited file", suspects.edited),
    ):
        if (name := _mentions(thing, suspected)) is not None:
            other = "" if _service(name) in {"", thing.schema} else ", of another service"
            return f"{why} {name}{other}"
    if (name := _mentions(thing, suspects.pending)) is not None and stands is not None:
        return f"changed by hand, ahead of {name}, which is pending"
    return "changed by hand"


def _mentions(thing: Thing, suspected: Sequence[Migration]) -> str | None:
    """The first of the files in whose SQL the thing's own name stands."""
    own = set(_WORDS.findall(thing.name.rpartition(".")[2].partition("(")[0].lower()))
    for migration in suspected:
        if own <= set(_WORDS.findall(migration.text.lower())):
            return migration.name
    return None


def _service(name: str) -> str:
    parts = name.split("__")
    return parts[1] if len(parts) > 2 else ""
