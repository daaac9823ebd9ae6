"""What a rehearsal saw: facts, without a word on whether they are good or bad."""

from typing import Literal

import msgspec

from lamppost.migrate.effects.kinds import Mode, Waits

# How a statement was watched: inside a transaction that is rolled back, by a second session whose lock it
# had to wait for, or not at all.
How = Literal["transaction", "second session"]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One statement that ran. Tables are those that stood before its file, or before it where it commits.

    `scans` gives the rows that were read of a table, `changes` the rows written, `rows` how many it has.
    `waits` says who waits for what the transaction holds by then, `held` for which table.
    """

    line: int
    text: str
    milliseconds: float
    how: How = "transaction"
    locks: tuple[tuple[str, Mode], ...] = ()
    rewrites: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    scans: tuple[tuple[str, int], ...] = ()
    changes: tuple[tuple[str, int], ...] = ()
    rows: dict[str, int] = {}
    waits: Waits = "nobody"
    held: str = ""


class Failed(msgspec.Struct, frozen=True):
    """Where a file broke. `data`: the rows made up for the rehearsal may be to blame."""

    line: int
    message: str
    code: str
    table: str = ""
    data: bool = False


class Traced(msgspec.Struct, frozen=True):
    """A file, statement by statement, up to its end or to where it broke."""

    statements: tuple[Seen, ...]
    failed: Failed | None = None
