"""A metric's values of one minute, as CloudWatch keeps them: counted, never one by one."""

from collections.abc import Iterable

import msgspec


class Point:
    """How many values, their sum, the least and the most; with three digits each, how often each was."""

    __slots__ = ("_often", "count", "least", "most", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = float("inf")
        self.most = float("-inf")
        # None while all values are the same: then `least` and `count` say it. Bytes once it is packed.
        self._often: dict[float, int] | bytes | None = None

    def add(self, value: float, times: int = 1) -> None:
        """Count `value`, `times` times."""
        if isinstance(self._often, bytes) or (self._often is None and value != self.least and self.count):
            self._often = self.often
        if self._often is not None:
            near = _rounded(value)
            self._often[near] = self._often.get(near, 0) + times
        self.count += times
        self.total += value * times
        self.least = min(self.least, value)
        self.most = max(self.most, value)

    def merge(self, other: "Point") -> None:
        """Count what `other` counted too."""
        if not other.count:
            return
        often = dict(self.often)
        for value, times in other.often.items():
            often[value] = often.get(value, 0) + times
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)
        self._often = often if self.least != self.most else None

    @property
    def often(self) -> dict[float, int]:
        """How often each value was there, the values with three digits."""
        if isinstance(self._often, bytes):
            return msgspec.msgpack.decode(self._often, type=dict[float, int])
        if self._often is not None:
            return self._often
        return {_rounded(self.least): self.count} if self.count else {}

    def pack(self) -> None:
        """Take a tenth of the memory: for a minute that is over."""
        if isinstance(self._often, dict):
            self._often = msgspec.msgpack.encode(self._often)

    def statistic(self, name: str) -> float:
        """CloudWatch's `Sum`, `SampleCount`, `Average`, `Minimum`, `Maximum` or `p99.9`. There is a value."""
        match name:
            case "Sum":
                return self.total
            case "SampleCount":
                return float(self.count)
            case "Average":
                return self.total / self.count
            case "Minimum":
                return self.least
            case "Maximum":
                return self.most
            case _:
                return self._percentile(float(name.removeprefix("p")))

    def row(self) -> list[object]:
        """Everything, for a file."""
        return [self.count, self.total, self.least, self.most, list(self.often.items())]

    def _percentile(self, percent: float) -> float:
        wanted = max(percent / 100 * self.count, 1e-9)
        reached = 0
        for value, times in sorted(self.often.items()):
            reached += times
            if reached >= wanted:
                return min(max(value, self.least), self.most)
        return self.most


def read_row(
    count: int, total: float, least: float, most: float, often: Iterable[tuple[float, int]]
) -> Point:
    """What `Point.row` wrote."""
    point = Point()
    point.count, point.total, point.least, point.most = count, total, least, most
    point._often = dict(often) if least != most else None
    return point


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
