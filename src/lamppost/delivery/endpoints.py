"""What is known of the endpoints between two calls of `sending.send`: one object, kept by who sends.

In a sandbox it lives as long as the sandbox. Who wants a new one to begin with what another learned
stores `snapshot()` and gives it to `restore()`.
"""

from collections.abc import Mapping

import msgspec

from lamppost.delivery.breaker import Limits, Standing

# Of so many endpoints something is remembered; the one that was asked for longest ago is forgotten first.
MOST = 10_000


class Endpoints:
    """How each endpoint stands. `limits` are everybody's, `each` those of single endpoints by name."""

    def __init__(self, limits: Limits | None = None, each: Mapping[str, Limits] | None = None) -> None:
        self._limits = limits or Limits()
        self._each = dict(each or {})
        self._standings: dict[str, Standing] = {}

    def limits(self, endpoint: str) -> Limits:
        """What `endpoint` is given."""
        return self._each.get(endpoint, self._limits)

    def standing(self, endpoint: str) -> Standing:
        """How it stands: its own, to learn with."""
        known = self._standings.pop(endpoint, None)
        if known is None:
            known = Standing()
            if len(self._standings) >= MOST:
                del self._standings[next(iter(self._standings))]
        self._standings[endpoint] = known
        return known

    def resting(self, endpoint: str, now: float) -> float:
        """Seconds that `endpoint` still rests, 0 when it may be posted to. `now`: seconds since 1970."""
        known = self._standings.get(endpoint)
        return known.resting(self.limits(endpoint), now) if known is not None else 0.0

    def open(self, now: float) -> dict[str, float]:
        """The endpoints that rest, with the seconds that are left."""
        return {name: left for name in self._standings if (left := self.resting(name, now)) > 0}

    def forget(self, endpoint: str) -> None:
        """Let it begin anew, as after a repair."""
        self._standings.pop(endpoint, None)

    def snapshot(self) -> bytes:
        """All that is known, as JSON."""
        return msgspec.json.encode(self._standings)

    def restore(self, snapshot: bytes) -> None:
        """Know what `snapshot` tells; of an endpoint in both, what is later. Raises `msgspec.DecodeError`."""
        for name, told in msgspec.json.decode(snapshot, type=dict[str, Standing]).items():
            if told.until >= self.standing(name).until:
                self._standings[name] = told
