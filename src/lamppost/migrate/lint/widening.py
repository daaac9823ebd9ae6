"""Changes of a column's type that leave its rows as they are."""

import re

_TYPE = re.compile(
    r"(?P<name>[a-z0-9_. ]+?)(?:\((?P<numbers>[\d,]+)\))?"
    r"(?P<rest> with(?:out)? time zone)?(?P<array>(?:\[\])*)"
)
_FREE = {
    ("character varying", "text"),
    ("text", "character varying"),
    ("cidr", "inet"),
    ("xml", "text"),
}


_ZONES = {"timestamp without time zone", "timestamp with time zone"}


def free(old: str, new: str, *, utc: bool = False) -> bool:
    """Whether PostgreSQL changes the catalog only. Types as `format_type` prints them.

    `timestamp` to `timestamptz` and back is free only where the session's zone is UTC. Arrays never are.
    """
    if old == new or (utc and {old, new} == _ZONES):
        return True
    a, b = _TYPE.fullmatch(old), _TYPE.fullmatch(new)
    if a is None or b is None or a["array"] or b["array"] or (a["rest"] or "") != (b["rest"] or ""):
        return False
    before, after = _numbers(a["numbers"]), _numbers(b["numbers"])
    if a["name"] == b["name"]:
        return _wider(a["name"], before, after)
    return (a["name"], b["name"]) in _FREE and not after


def _numbers(text: str | None) -> list[int]:
    return [int(part) for part in text.split(",")] if text else []


def _wider(name: str, before: list[int], after: list[int]) -> bool:
    if name == "numeric":
        if not after or not before:
            return not after
        scales = [[*numbers, 0][1] for numbers in (before, after)]
        return scales[0] == scales[1] and after[0] >= before[0]
    if name in {"character varying", "bit varying", "timestamp", "time", "interval"}:
        return not after or (bool(before) and after[0] >= before[0])
    return False
