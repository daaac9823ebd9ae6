"""What a tool finds and we keep: each with its reason, and gone from here as soon as nothing needs it."""

import re
from collections.abc import Iterable

import msgspec

from tests.cloud.gates.findings import Finding

EVERYWHERE: tuple[str, ...] = ()


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that stays. `where` and `detail` are patterns; `stages` are those it is kept in, or all."""

    tool: str
    rule: str
    why: str
    where: str = ".*"
    detail: str = ".*"
    stages: tuple[str, ...] = EVERYWHERE

    def holds(self, found: Finding) -> bool:
        """Whether this is what it is about."""
        return (
            (self.tool, self.rule) == (found.tool, found.rule)
            and (not self.stages or found.label in self.stages)
            and re.fullmatch(self.where, found.where) is not None
            and re.fullmatch(self.detail, found.detail) is not None
        )


def unacknowledged(found: Iterable[Finding], kept: Iterable[Kept]) -> list[Finding]:
    """The findings that nobody has answered for."""
    answers = tuple(kept)
    return [each for each in found if not any(answer.holds(each) for answer in answers)]


def idle(found: Iterable[Finding], kept: Iterable[Kept]) -> list[Kept]:
    """The answers to what nothing finds any more."""
    everything = tuple(found)
    return [answer for answer in kept if not any(answer.holds(each) for each in everything)]
