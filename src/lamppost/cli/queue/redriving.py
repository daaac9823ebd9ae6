"""Bringing dead letters back: some first, then the rest at their pace, and no further than it helps.

Letters that failed again are left alone: only what was dead when the work began is moved, so
a function that is still broken gets each of them once, never in a circle.
"""

from collections import Counter
from collections.abc import Callable

import msgspec

from lamppost.cli.queue.filters import Meant
from lamppost.cli.queue.letters import Letter, reasons
from lamppost.cli.queue.shelf import Shelf

LOOK_SECONDS = 0.5
# How many go in one move: a fifth of a second's worth, and what a transaction should hold.
PORTION = 100
# A queue that buries nobody tells nothing; then so long must do.
TRIAL_SECONDS = 60.0
GRACE_SECONDS = 15.0


class Wanted(msgspec.Struct, frozen=True):
    """What to bring back: which, how many (None: all), how fast (letters a second).

    `vanguard` letters go ahead and are waited for, `patience` seconds at most (None: as long
    as the queue takes to bury what fails); once so many have failed again, it ends. 0: never.
    """

    meant: Meant
    rate: float
    limit: int | None = None
    vanguard: int = 10
    patience: float | None = None


class Done(msgspec.Struct):
    """What happened. `ended` is done, limit, failing or interrupted; `left` were meant and stayed."""

    queue: str
    moved: dict[str, int]
    failed_again: int = 0
    left: int = 0
    ended: str = "done"
    reasons: list[tuple[int, str]] = []
    dry_run: bool = False


class Clock(msgspec.Struct, frozen=True):
    """Time as the work needs it. `wait` waits so many seconds and says whether to stop."""

    now: Callable[[], float]
    wait: Callable[[float], bool]


# Told after every step: how many went, how many failed again, and what is being done.
Tell = Callable[[int, int, str], None]


def rehearse(shelf: Shelf, wanted: Wanted) -> Done:
    """What `redrive` would bring back. Nothing is moved."""
    found: list[Letter] = []
    for portion in iter(lambda: shelf.next(PORTION), []):
        found += [letter for letter in portion if _meant(letter, shelf, wanted)]
        if wanted.limit is not None and len(found) >= wanted.limit:
            found = found[: wanted.limit]
            break
    homes = shelf.about.homes or []
    home = homes[0] if len(homes) == 1 else None
    goes = Counter(home or letter.origin or "" for letter in found)
    nowhere = goes.pop("", 0)
    return Done(
        shelf.about.name, dict(goes), left=nowhere, reasons=reasons(found), ended="dry run", dry_run=True
    )


def redrive(shelf: Shelf, wanted: Wanted, clock: Clock, tell: Tell) -> Done:
    """Bring letters back until none is left, enough are, they fail again, or the clock says stop."""
    return _Redrive(shelf, wanted, clock, tell).run()


class _Redrive:
    def __init__(self, shelf: Shelf, wanted: Wanted, clock: Clock, tell: Tell) -> None:
        self._shelf = shelf
        self._wanted = wanted
        self._clock = clock
        self._tell = tell
        self._done = Done(shelf.about.name, {})
        self._moved = 0
        self._free_at = clock.now()
        self._looked_at = clock.now()

    def run(self) -> Done:
        while self._done.ended == "done" and (room := self._room()) > 0:
            portion = self._shelf.next(room)
            if not portion:
                break
            letters = [letter for letter in portion if _meant(letter, self._shelf, self._wanted)]
            if letters and self._pace(len(letters)):
                self._move(letters)
                self._judge()
        return self._done

    def _room(self) -> int:
        """How many may go next; 0 when the limit is reached."""
        room = max(1, min(PORTION, int(self._wanted.rate / 5)))
        if self._wanted.limit is not None:
            room = min(room, self._wanted.limit - self._moved)
            if room == 0:
                self._done.ended = "limit"
        if self._moved < self._wanted.vanguard:
            room = min(room, self._wanted.vanguard - self._moved)
        return room

    def _pace(self, count: int) -> bool:
        """Wait until `count` letters may go. False when it was time to stop instead."""
        if not self._pause(self._free_at - self._clock.now()):
            return False
        self._free_at = max(self._free_at, self._clock.now()) + count / self._wanted.rate
        return True

    def _move(self, letters: list[Letter]) -> None:
        went = self._shelf.bring_back(letters)
        for queue in went.values():
            self._done.moved[queue] = self._done.moved.get(queue, 0) + 1
        self._done.left += len(letters) - len(went)
        before, self._moved = self._moved, self._moved + len(went)
        self._tell(self._moved, self._done.failed_again, "bringing back")
        if before < self._wanted.vanguard <= self._moved:
            self._watch()

    def _watch(self) -> None:
        """Wait for the vanguard's fate: handled, dead again, or out of patience."""
        patience = self._wanted.patience
        if patience is None:
            patience = (self._shelf.about.trial_s or TRIAL_SECONDS) + GRACE_SECONDS
        end = self._clock.now() + patience
        while self._done.ended == "done" and self._clock.now() < end:
            # A letter is buried before it leaves its queue: asked in this order, none is missed.
            pending = self._shelf.pending()
            self._count()
            if pending == 0:
                return
            self._tell(self._moved, self._done.failed_again, f"waiting for {pending} that went ahead")
            self._pause(LOOK_SECONDS)

    def _judge(self) -> None:
        if self._wanted.vanguard and self._clock.now() - self._looked_at >= LOOK_SECONDS:
            self._count()

    def _count(self) -> None:
        self._looked_at = self._clock.now()
        self._done.failed_again = self._shelf.fallen()
        if self._done.failed_again >= self._wanted.vanguard:
            self._done.ended = "failing"

    def _pause(self, seconds: float) -> bool:
        """False when the clock says stop."""
        if self._clock.wait(max(0.0, seconds)):
            self._done.ended = "interrupted"
            return False
        return True


def _meant(letter: Letter, shelf: Shelf, wanted: Wanted) -> bool:
    # One that died since we began has had its second chance from us, or is somebody else's news.
    return letter.sent_at < shelf.about.now and wanted.meant(letter)
