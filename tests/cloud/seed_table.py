"""Reads docs/reference/seeds.md: what each of the seeds asks for, and where in the templates it is.

A row is `| part | it says | fate | where | why |`. A place in its fourth column is code: first where (a stack
as AWS calls it, a file of the repository, or a command), then what is found there.
"""

import re
from functools import cache
from pathlib import Path

import msgspec

from tests.running import ROOT

PAGE = ROOT / "docs" / "reference" / "seeds.md"
KEPT, BETTER, LATER = "as said", "better", "not yet"
FATES = (KEPT, BETTER, LATER)

_SEED = re.compile(r"^## (.+)$")
_CODE = re.compile(r"`([^`]+)`")
_DECISION = re.compile(r"\[(\d{4})\]")
_LINK = re.compile(r"^\[(\d{4})\]: (\S+)$", re.MULTILINE)


class Place(msgspec.Struct, frozen=True):
    """A stack, a file or a command, and what has to be there."""

    where: str
    facts: tuple[str, ...]


class Row(msgspec.Struct, frozen=True):
    """One thing that a seed says. `part` is the seed's own heading, `says` its own words."""

    seed: str
    part: str
    says: str
    fate: str
    places: tuple[Place, ...]
    why: str

    @property
    def decisions(self) -> tuple[str, ...]:
        """The numbers of the decisions that the row gives as its reason."""
        return tuple(_DECISION.findall(self.why))

    @property
    def title(self) -> str:
        """The row as a test's name."""
        return f"{self.seed.partition(':')[0]}: {self.part}: {self.says}"


def links(page: Path = PAGE) -> dict[str, Path]:
    """Where the page's decisions lie, by their numbers."""
    return {number: page.parent / target for number, target in _LINK.findall(page.read_text())}


@cache
def rows(page: Path = PAGE) -> tuple[Row, ...]:
    """Every row of every seed's table, as the page has them. Raises `ValueError` for another shape."""
    seed, found = "", []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if heading := _SEED.match(line):
            seed = heading[1]
        if not line.startswith("|") or line.startswith(("|---", "| part ")):
            continue
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) != 5 or cells[2] not in FATES:
            raise ValueError(f"{page.name}:{number} is no row: {line[:80]}")
        part, says, fate, where, why = cells
        found.append(Row(seed, part, says.strip("`"), fate, _places(where), why))
    return tuple(found)


def _places(cell: str) -> tuple[Place, ...]:
    spans = [_CODE.findall(clause) for clause in cell.split("<br>")]
    return tuple(Place(codes[0], tuple(codes[1:])) for codes in spans if codes)
