"""Whose post is next: the endpoints take turns, and none takes the slots of another. Pure but for its memory.

Each endpoint has a lane. It may hold an equal share of all slots, opens twice as many whenever its answers
are not coming back (a fast receiver is served over a few dozen connections), and waits its turn.
"""

import heapq
from collections import deque
from collections.abc import Iterable

from lamppost.delivery.answer import Answer
from lamppost.delivery.breaker import UNBOUNDED, Limits, Standing
from lamppost.delivery.endpoints import Endpoints

# Slots that are open at first.
FIRST = 64


class Lane:
    """One endpoint's posts in a call: those that wait, how many are under way."""

    __slots__ = (
        "came",
        "endpoint",
        "limits",
        "place",
        "queued",
        "room",
        "running",
        "standing",
        "waiting",
        "window",
    )

    def __init__(self, place: int, endpoint: str, standing: Standing | None, limits: Limits) -> None:
        self.place, self.endpoint, self.standing, self.limits = place, endpoint, standing, limits
        self.waiting: deque[int] = deque()
        self.running = self.came = 0
        self.window = FIRST
        self.room = UNBOUNDED if standing is None else standing.room(limits)
        # Whether it stands in `ready` or `asleep`.
        self.queued = False


class Lanes:
    """All lanes of one call. Instants are seconds since 1970."""

    def __init__(
        self, posts: Iterable[tuple[int, str]], *, in_flight: int, endpoints: Endpoints | None, now: float
    ) -> None:
        self.in_flight = in_flight
        self.running = 0
        self.held: list[tuple[int, float]] = []
        lanes: dict[str, Lane] = {}
        for number, endpoint in posts:
            lane = lanes.get(endpoint)
            if lane is None:
                standing = endpoints.standing(endpoint) if endpoints is not None else None
                limits = endpoints.limits(endpoint) if endpoints is not None else Limits()
                lane = lanes[endpoint] = Lane(len(lanes), endpoint, standing, limits)
            lane.waiting.append(number)
        self.waiting = sum(len(lane.waiting) for lane in lanes.values())
        self._lanes = list(lanes.values())
        self._ready: deque[Lane] = deque()
        self._asleep: list[tuple[float, int, Lane]] = []
        for lane in self._lanes:
            if not self._hold(lane, now):
                self._queue(lane)
        self._share_out()

    def take(self, now: float) -> tuple[Lane, int] | None:
        """The next post that may begin, or None while there is none."""
        while self._ready and self.running < self.in_flight:
            lane = self._ready[0]
            if not lane.waiting or lane.running >= min(lane.window, lane.room, self._share):
                self._ready.popleft().queued = False
            elif (wait := self._turn(lane, now)) > 0:
                self._ready.popleft()
                heapq.heappush(self._asleep, (now + wait, lane.place, lane))
            else:
                self._ready.rotate(-1)
                lane.running += 1
                self.running += 1
                self.waiting -= 1
                return lane, lane.waiting.popleft()
        return None

    def back(self, lane: Lane, answer: Answer, now: float) -> None:
        """A post of `lane` has its answer."""
        lane.running -= 1
        self.running -= 1
        lane.came += 1
        if lane.standing is not None:
            lane.standing.note(answer, lane.limits, now, lane.running)
            lane.room = lane.standing.room(lane.limits)
            if lane.waiting and self._hold(lane, now):
                return
        if lane.waiting and not lane.queued:
            self._queue(lane)

    def widen(self) -> None:
        """Open more slots where nothing came back since the last time; share out what others left."""
        self._share_out()
        for lane in self._lanes:
            if lane.waiting:
                if not lane.came and lane.window < self._share:
                    lane.window *= 2
                if not lane.queued:
                    self._queue(lane)
            lane.came = 0

    def wake(self, now: float) -> None:
        """Let those go on whose rate allows it again."""
        while self._asleep and self._asleep[0][0] <= now:
            self._queue(heapq.heappop(self._asleep)[2])

    def asleep(self, now: float) -> float | None:
        """Seconds until the first of those that wait for their rate may go on; None when none does."""
        while self._asleep and not self._asleep[0][2].waiting:
            heapq.heappop(self._asleep)[2].queued = False
        return max(0.0, self._asleep[0][0] - now) if self._asleep else None

    def drop(self) -> None:
        """Begin nothing more."""
        for lane in self._lanes:
            lane.waiting.clear()
        self._asleep.clear()
        self.waiting = 0

    def _share_out(self) -> None:
        self._lanes = [lane for lane in self._lanes if lane.waiting or lane.running]
        self._share = max(1, self.in_flight // max(1, len(self._lanes)))

    def _queue(self, lane: Lane) -> None:
        lane.queued = True
        self._ready.append(lane)

    def _turn(self, lane: Lane, now: float) -> float:
        return 0.0 if lane.standing is None else lane.standing.turn(lane.limits, now)

    def _hold(self, lane: Lane, now: float) -> bool:
        """Keep back what waits for an endpoint that rests: waiting for it would delay the others."""
        left = 0.0 if lane.standing is None else lane.standing.resting(lane.limits, now)
        if left > 0:
            self.held.extend((number, left) for number in lane.waiting)
            self.waiting -= len(lane.waiting)
            lane.waiting.clear()
        return left > 0
