"""Alarms, evaluated as CloudWatch does: by the minute, each over whole periods that are over.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from lamppost.derive.measures import Alarm, Measure
from lamppost.local.metrics import KEEP_SECONDS, MINUTE
from lamppost.observe.log import Log

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
# What a measure was in a window of seconds since 1970, its end excluded; None when nothing was measured.
Read = Callable[[Measure, int, int], float | None]


class Verdict(msgspec.Struct, frozen=True):
    """What an alarm comes to and why; `values` are its periods', newest first."""

    state: State
    reason: str
    values: tuple[float | None, ...] = ()


class Standing(msgspec.Struct, frozen=True):
    """An alarm, its last verdict, and since when (seconds since 1970) it is in that state."""

    alarm: Alarm
    verdict: Verdict
    since: float


_NOT_YET = Verdict("INSUFFICIENT_DATA", "not evaluated yet")
_ELSEWHERE = Verdict("INSUFFICIENT_DATA", "measured on AWS only")


def evaluate(alarm: Alarm, read: Read, *, at: float, began: float) -> Verdict:
    """What `alarm` comes to at `at`, of a system that began to measure at `began`."""
    if alarm.on_aws_only:
        return _ELSEWHERE
    end = int(at) // MINUTE * MINUTE
    span = alarm.period * alarm.periods
    if span > KEEP_SECONDS:
        return Verdict("INSUFFICIENT_DATA", f"looks back {span} s, and {KEEP_SECONDS} s are kept here")
    values = tuple(
        _value(alarm, read, end - (back + 1) * alarm.period, end - back * alarm.period)
        for back in range(alarm.periods)
    )
    if alarm.missing == "breaching" and end - span < began:
        # Nothing is missing before there was somebody to measure it.
        if any(value is not None and not _breaks(alarm, value) for value in values):
            return Verdict("OK", _told(alarm, values, 0), values)
        return Verdict("INSUFFICIENT_DATA", f"measured for less than its {span} s", values)
    if alarm.missing == "missing" and all(value is None for value in values):
        return Verdict("INSUFFICIENT_DATA", "nothing was measured", values)
    over = sum(alarm.missing == "breaching" if value is None else _breaks(alarm, value) for value in values)
    return Verdict("ALARM" if over >= alarm.breaches else "OK", _told(alarm, values, over), values)


class Watch:
    """The alarms of a running system and the state each is in. Who lists them changes nothing."""

    def __init__(self, read: Read, log: Log, *, began: float) -> None:
        self._read = read
        self._log = log
        self._began = began
        self._standing: dict[str, Standing] = {}

    def describe(self, alarms: tuple[Alarm, ...]) -> None:
        """Watch these from now on. What is watched already stays as it stands."""
        known = self._standing
        self._standing = {
            alarm.name: known[alarm.name]
            if alarm.name in known and known[alarm.name].alarm == alarm
            else Standing(alarm, _ELSEWHERE if alarm.on_aws_only else _NOT_YET, self._began)
            for alarm in alarms
        }

    def turn(self, at: float) -> None:
        """Evaluate every alarm; what changed is logged."""
        for name, before in self._standing.items():
            verdict = evaluate(before.alarm, self._read, at=at, began=self._began)
            changed = verdict.state != before.verdict.state
            self._standing[name] = Standing(before.alarm, verdict, at if changed else before.since)
            if changed and verdict.state == "ALARM":
                self._log.warning("alarm.rang", alarm=name, about=before.alarm.about, why=verdict.reason)
            elif changed and before.verdict.state == "ALARM":
                self._log.info("alarm.cleared", alarm=name, state=verdict.state, why=verdict.reason)

    def standing(self) -> list[Standing]:
        """Every alarm as it stands."""
        return list(self._standing.values())

    def seen_at(self, at: float) -> list[Standing]:
        """Every alarm as it would stand at `at` with what is measured by now."""
        return [
            Standing(each.alarm, evaluate(each.alarm, self._read, at=at, began=self._began), at)
            for each in self._standing.values()
        ]


def _value(alarm: Alarm, read: Read, begin: int, end: int) -> float | None:
    value = read(alarm.measure, begin, end)
    if alarm.whole is None:
        return value
    whole = read(alarm.whole, begin, end)
    if whole is None:
        return None
    return 100 * (value or 0.0) / whole if whole > 0 else 0.0


def _breaks(alarm: Alarm, value: float) -> bool:
    return value < alarm.threshold if alarm.below else value > alarm.threshold


def _told(alarm: Alarm, values: tuple[float | None, ...], over: int) -> str:
    shown = ", ".join("none" if value is None else f"{value:.4g}" for value in values)
    unit = " %" if alarm.whole is not None else ""
    side = "under" if alarm.below else "over"
    of = f"{over} of the last {alarm.periods} periods" if alarm.periods > 1 else "the last period"
    verb = "were" if over > 1 else "was"
    if over == 0:
        verb, of = "was not", of.replace("0 of ", "")
    return f"{of} of {alarm.period} s {verb} {side} {alarm.threshold:g}{unit}: {shown}"
