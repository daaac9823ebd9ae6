"""How an endpoint stands: whether it may be posted to, how many posts at once, how fast. Pure.

Closed, an endpoint gets its posts. After too many failures it opens: it rests and nothing is sent to it.
When the rest is over it is half open: one post goes out to see, and decides. A receiver that says it is
overloaded gets half as much at a time, and one more with each success.
"""

import msgspec

from lamppost.delivery.answer import Answer

# What an overloaded receiver, or the proxy before it, answers (Standard Webhooks).
OVERLOADED = frozenset({429, 502, 503, 504})
# Posts at once that are as good as no bound: a sandbox has not as many descriptors.
UNBOUNDED = 1000
# After a rest, an endpoint begins with this many at once.
_FIRST = 2.0
_GRAIN = 0.001


class Limits(msgspec.Struct, frozen=True):
    """What one endpoint is given, and when it rests.

    `concurrency`: posts at once, 0 for its share of all slots. `rate`: posts begun a second, 0 for any,
    `burst` of them together. It opens after `failures` in a row (0: never), or when `ratio` of about the
    last `volume` failed; it then rests `rest` seconds, twice as long each time, at most `longest`.
    """

    concurrency: int = 0
    rate: float = 0.0
    burst: int = 1
    failures: int = 20
    ratio: float = 0.5
    volume: int = 100
    rest: float = 15.0
    longest: float = 900.0


class Standing(msgspec.Struct):
    """One endpoint over time. Instants are seconds since 1970, so that they mean the same in each sandbox."""

    failures: int = 0
    ratio: float = 0.0
    heard: int = 0
    until: float = 0.0
    rests: int = 0
    pace: float = 0.0
    eased: float = 0.0
    rate: float = 0.0
    tokens: float = 0.0
    counted: float = 0.0

    @property
    def half_open(self) -> bool:
        """Whether it rested, or still does, and has not yet answered since."""
        return self.until > 0

    def resting(self, limits: Limits, now: float) -> float:
        """Seconds that it still rests; 0 when it may be posted to."""
        # A clock that was set back must not make a rest of hours out of one of seconds.
        self.until = min(self.until, now + limits.longest)
        return max(0.0, self.until - now)

    def room(self, limits: Limits) -> int:
        """How many posts may be on their way to it, when it does not rest."""
        if self.half_open:
            return 1
        most = limits.concurrency or UNBOUNDED
        return max(1, min(most, int(self.pace))) if self.pace else most

    def turn(self, limits: Limits, now: float) -> float:
        """Take one from the bucket of its rate: 0, or the seconds until there is one (nothing is taken)."""
        if not limits.rate:
            return 0.0
        rate = self.rate or limits.rate
        elapsed = max(0.0, now - self.counted) if self.counted else limits.burst / rate
        self.tokens = min(float(limits.burst), self.tokens + elapsed * rate)
        self.counted = now
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        # Less than the clock's own grain would be no wait at all.
        return max((1.0 - self.tokens) / rate, _GRAIN)

    def note(self, answer: Answer, limits: Limits, now: float, running: int = 0) -> None:
        """Learn from an answer; `running` more posts are under way to it."""
        if now < self.until:
            return  # it was under way when the rest began
        failed = bool(answer.error) or answer.status is None or answer.status >= 500 or answer.status == 429
        self.heard = min(self.heard + 1, limits.volume)
        self.ratio += (failed - self.ratio) / self.heard
        if not failed:
            self._succeeded(limits)
            return
        self.failures += 1
        if answer.status in OVERLOADED:
            self._ease(answer, limits, now, running)
        asked = answer.retry_after.total_seconds() if answer.status in (429, 503) else 0.0
        if limits.failures and (asked > 0 or self._over(limits)):
            self._open(limits, now, asked)

    def _succeeded(self, limits: Limits) -> None:
        self.failures = self.rests = 0
        if self.half_open:
            self.until, self.pace = 0.0, _FIRST
            self.heard, self.ratio = 0, 0.0
        elif self.pace:
            self.pace = self.pace + 1 if self.pace < UNBOUNDED else 0.0
        if self.rate:
            self.rate += limits.rate / 20
            if self.rate >= limits.rate:
                self.rate = 0.0

    def _ease(self, answer: Answer, limits: Limits, now: float, running: int) -> None:
        # Once for all that were under way together: a hundred answers of 429 are one piece of news.
        if now - answer.latency_ms / 1000 < self.eased:
            return
        self.eased = now
        self.pace = max(1.0, min(self.pace or UNBOUNDED, running + 1) / 2)
        self.rate = max((self.rate or limits.rate) / 2, limits.rate / 64)

    def _over(self, limits: Limits) -> bool:
        if self.half_open or self.failures >= limits.failures:
            return True
        return self.heard >= limits.volume and self.ratio >= limits.ratio

    def _open(self, limits: Limits, now: float, asked: float) -> None:
        # What a receiver asks for is no failure to answer, and does not make the next rest longer.
        rest = asked or limits.rest * 2.0 ** min(self.rests, 30)
        self.rests += 0 if asked else 1
        self.until = now + min(rest, limits.longest)
        self.failures = 0
