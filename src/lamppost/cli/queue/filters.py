"""Which messages are meant: `userId=7`, `items[0].kind~late`, `@lamppost.why~timeout`. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from lamppost.cli.queue.letters import Letter, content
from lamppost.errors import OperatorError

_FILTER = re.compile(r"(?P<field>[^=~]+)(?P<how>[=~])(?P<value>.*)", re.DOTALL)
_STEP = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[(?P<index>\d{1,6})\]")
_NOTHING = object()


class Filter(msgspec.Struct, frozen=True):
    """One condition on a message. `path` leads into its body, unless it names an `attribute`."""

    path: tuple[str | int, ...]
    attribute: str
    holds: bool
    value: str


class Meant(msgspec.Struct, frozen=True):
    """Every condition at once: the filters, and when the message was sent."""

    filters: tuple[Filter, ...] = ()
    since: datetime | None = None
    before: datetime | None = None

    def __call__(self, letter: Letter) -> bool:
        """Whether this message is meant."""
        if self.since is not None and letter.sent_at < self.since:
            return False
        if self.before is not None and letter.sent_at >= self.before:
            return False
        return all(_fits(each, letter) for each in self.filters)

    @property
    def everything(self) -> bool:
        """Whether there is no condition."""
        return not self.filters and self.since is None and self.before is None


def read_filter(text: str) -> Filter:
    """`field=value` (equal) or `field~part` (holds). Raises `OperatorError` for anything else."""
    match = _FILTER.fullmatch(text)
    if match is None:
        raise _malformed(text)
    field, holds, value = match["field"].strip(), match["how"] == "~", match["value"]
    if field.startswith("@") and len(field) > 1:
        return Filter((), field[1:], holds, value)
    if field in ("$", "body"):
        return Filter((), "", holds, value)
    return Filter(_path(field.removeprefix("$."), text), "", holds, value)


def read_filters(texts: Sequence[str]) -> tuple[Filter, ...]:
    """Each of `texts`, read."""
    return tuple(read_filter(text) for text in texts)


def _path(field: str, text: str) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    at = 0
    while at < len(field):
        step = _STEP.match(field, at)
        if step is None or (at == 0 and field[0] == "."):
            raise _malformed(text)
        steps.append(step["name"] if step["name"] is not None else int(step["index"]))
        at = step.end()
    if not steps:
        raise _malformed(text)
    return tuple(steps)


def _fits(each: Filter, letter: Letter) -> bool:
    if each.attribute:
        found: Any = letter.attributes.get(each.attribute, {}).get("StringValue", _NOTHING)
    elif each.path:
        found = _follow(content(letter), each.path)
    else:
        found = letter.body
    if found is _NOTHING:
        return False
    said = found if isinstance(found, str) else msgspec.json.encode(found).decode()
    return each.value in said if each.holds else each.value == said


def _follow(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else _NOTHING
        else:
            value = value.get(step, _NOTHING) if isinstance(value, dict) else _NOTHING
    return value


def _malformed(text: str) -> OperatorError:
    return OperatorError(
        f"{text!r} is not a filter",
        fix="write it like userId=7, items[0].kind~late (holds), @lamppost.why~time (an attribute), $~text",
        code="filter_malformed",
    )
