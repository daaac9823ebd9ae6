"""Two places' ledgers side by side: what one has and the other lacks. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from lamppost.migrate.ledger import Row
from lamppost.migrate.states import newest_of


class Heads(msgspec.Struct, frozen=True):
    """The newest file of a service in either place; null where it has none."""

    database: str
    service: str
    a: str | None
    b: str | None


class Hashes(msgspec.Struct, frozen=True):
    """A file that both have, each with another text."""

    database: str
    name: str
    a: str
    b: str


class Difference(msgspec.Struct, frozen=True):
    """How place A differs from place B. The names are `database/file`; unfinished files count as absent."""

    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    hashes: tuple[Hashes, ...]
    heads: tuple[Heads, ...]

    @property
    def none(self) -> bool:
        """Whether both have the same."""
        return not (self.only_a or self.only_b or self.hashes or self.heads)


def compare(a: Mapping[str, Sequence[Row]], b: Mapping[str, Sequence[Row]]) -> Difference:
    """Compare two places, each its databases' ledgers. Files without a hash (another tool's) match any."""
    only_a: list[str] = []
    only_b: list[str] = []
    hashes: list[Hashes] = []
    heads: list[Heads] = []
    for database in sorted({*a, *b}):
        mine, theirs = _whole(a.get(database, ())), _whole(b.get(database, ()))
        only_a += [f"{database}/{name}" for name in sorted(mine.keys() - theirs.keys())]
        only_b += [f"{database}/{name}" for name in sorted(theirs.keys() - mine.keys())]
        for name in sorted(mine.keys() & theirs.keys()):
            one, other = mine[name], theirs[name]
            if one.sha256 and other.sha256 and not _same(one, other):
                hashes.append(Hashes(database, name, one.sha256, other.sha256))
        left, right = newest_of(mine.values()), newest_of(theirs.values())
        heads += [
            Heads(database, service, left.get(service), right.get(service))
            for service in sorted({*left, *right})
            if left.get(service) != right.get(service)
        ]
    return Difference(tuple(only_a), tuple(only_b), tuple(hashes), tuple(heads))


def _whole(rows: Sequence[Row]) -> dict[str, Row]:
    return {row.name: row for row in rows if row.statements is None}


def _same(one: Row, other: Row) -> bool:
    """Line ends and trailing spaces make no difference."""
    same_text = one.text_sha256 is not None and one.text_sha256 == other.text_sha256
    return same_text or one.sha256 == other.sha256
