"""The words for what a statement does to a table, and who waits for whom."""

from typing import Literal

import msgspec

from lamppost.migrate.lint.model import Name

Mode = Literal[
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
]
Waits = Literal["nobody", "writers", "everybody"]

# By PostgreSQL's own number, 1 to 8; each is stronger than the one before for whoever reads or writes rows.
MODES: tuple[Mode, ...] = (
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)


class Locks(msgspec.Struct, frozen=True):
    """A lock on a table, held to the end of the transaction."""

    table: Name
    mode: Mode


class Scans(msgspec.Struct, frozen=True):
    """Every row of a table is read, or as many as nobody can tell beforehand."""

    table: Name


class Rewrites(msgspec.Struct, frozen=True):
    """Every row of a table, and its indexes, are written anew."""

    table: Name


class Unknown(msgspec.Struct, frozen=True):
    """What happens is decided while it runs."""

    why: str


Effect = Locks | Scans | Rewrites | Unknown


def waits(mode: Mode) -> Waits:
    """Who waits for a lock of this mode: `select` is a reader; insert, update and delete are writers."""
    number = MODES.index(mode) + 1
    return "everybody" if number == 8 else "writers" if number >= 5 else "nobody"


def stronger(one: Mode, other: Mode) -> Mode:
    """The stronger of two modes."""
    return max(one, other, key=MODES.index)
