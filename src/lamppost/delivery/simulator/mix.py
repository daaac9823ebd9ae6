"""What to do with requests whose path names no behaviour: `slow:2s,429:0.1` answers one in ten with 429."""

import random
import re
from collections.abc import Mapping

import msgspec

from lamppost.delivery.simulator.behaviours import BEHAVIOURS
from lamppost.delivery.simulator.given import Given
from lamppost.errors import OperatorError

_SHARE = re.compile(r"0?\.[0-9]+|[01](?:\.[0-9]+)?|[0-9]{1,3}%")
_STATUS = re.compile(r"[1-9][0-9]{2}")


class Mix(msgspec.Struct, frozen=True):
    """Behaviours with their shares, which add up to 1."""

    shares: tuple[tuple[float, Given], ...]
    seed: int

    def fate(self, message_id: str, attempt: int) -> Given:
        """What becomes of the `attempt`-th try of a message: the same in every run with this seed."""
        chance = random.Random(f"{self.seed} {message_id} {attempt}").random()
        for share, given in self.shares:
            if chance < share:
                return given
            chance -= share
        return self.shares[-1][1]


def read_mix(text: str, seed: int) -> Mix:
    """The mix written in `text`: names, each with an option and a share behind colons, if it has any.

    Who has no share takes a part of what the others leave; what nobody takes is answered with 200.
    Raises `OperatorError`: simulator_behaviour, simulator_share.
    """
    stated: list[tuple[float, Given]] = []
    open_ended: list[Given] = []
    for word in filter(None, (word.strip() for word in text.split(","))):
        share, given = _read(word)
        if share is None:
            open_ended.append(given)
        else:
            stated.append((share, given))
    left = 1 - sum(share for share, _ in stated)
    if left < -1e-9:
        raise OperatorError(
            f"the shares of {text!r} add up to {1 - left:g}",
            fix="let them add up to 1 at most: slow:2s,429:0.1,reset:5%",
            code="simulator_share",
        )
    rest = open_ended or [Given("ok", {})]
    return Mix((*stated, *((max(left, 0) / len(rest), given) for given in rest)), seed)


def _read(word: str) -> tuple[float | None, Given]:
    name, *parts = word.split(":")
    share = None
    if parts and _SHARE.fullmatch(parts[-1]):
        last = parts.pop()
        share = float(last[:-1]) / 100 if last.endswith("%") else float(last)
    if _STATUS.fullmatch(name):
        parts, name = [name], "status"
    if name not in BEHAVIOURS or len(parts) > 1:
        raise OperatorError(
            f"{word!r} is no behaviour",
            fix=f"write NAME[:OPTION][:SHARE], as slow:2s or 429:0.1; NAME is one of {', '.join(BEHAVIOURS)}",
            code="simulator_behaviour",
        )
    options: Mapping[str, str] = {"": parts[0]} if parts else {}
    return share, Given(name, options)
