"""What is measured, and what rings."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.local.metrics import MINUTE
from lamppost.local.orders.clock import read_instant
from lamppost.local.orders.kinds import Arguments, Order
from lamppost.local.watch import Standing

if TYPE_CHECKING:
    from lamppost.local.system import System

_LOOKED_BACK = 3600


class Watching:
    """Orders about metrics and alarms."""

    def __init__(self, system: "System") -> None:
        self._system = system

    @property
    def orders(self) -> dict[str, Order]:
        """The orders by their paths."""
        return {"alarms": self._alarms, "metrics": self._metrics}

    async def _alarms(self, given: Arguments) -> Any:
        """Every alarm as it stands; with `at` as it would stand then, with what is measured by now."""
        monitoring = self._system.monitoring
        await monitoring.look()
        if given.get("at"):
            standing = monitoring.watch.seen_at(read_instant(given["at"]).timestamp())
        else:
            standing = monitoring.watch.standing()
        return [_shown(each) for each in standing]

    async def _metrics(self, given: Arguments) -> Any:
        """Every series whose namespace, name or dimensions hold `find`, over the last `seconds`."""
        monitoring = self._system.monitoring
        await monitoring.look()
        now = int(time.time())
        begin = (now - int(given.get("seconds", _LOOKED_BACK))) // MINUTE * MINUTE
        rows = []
        for which in monitoring.metrics.known():
            place = dict(which.dimensions)
            said = " ".join((which.namespace, which.metric, *place.values()))
            point = monitoring.metrics.window(which, begin, now + MINUTE)
            if point is None or given.get("find", "").lower() not in said.lower():
                continue
            rows.append(
                {
                    "namespace": which.namespace,
                    "metric": which.metric,
                    "dimensions": place,
                    "unit": monitoring.metrics.unit(which),
                    "samples": point.count,
                    "sum": point.total,
                    "least": point.least,
                    "most": point.most,
                    **{name: point.statistic(name) for name in ("p50", "p95", "p99")},
                }
            )
        return rows


def _shown(standing: Standing) -> dict[str, Any]:
    alarm, verdict = standing.alarm, standing.verdict
    return {
        "name": alarm.name,
        "service": alarm.service,
        "about": alarm.about,
        "state": verdict.state,
        "reason": verdict.reason,
        "since": datetime.fromtimestamp(standing.since, UTC),
        "on_aws_only": alarm.on_aws_only,
        "watches": msgspec.to_builtins(alarm),
    }
