"""What becomes of a message after an attempt. Pure: the answer and the count decide.

| answer | tries left | the last try |
|---|---|---|
| 2xx | Delivered | Delivered |
| 410 | Disabled | Disabled |
| E_OPEN: it was held back, the endpoint rests | Waiting, not counted | Waiting, not counted |
| any other status, 3xx and 4xx too; no answer | Waiting | Abandoned |
"""

from datetime import timedelta

import msgspec

from lamppost.delivery.answer import Answer

# A receiver may ask for patience, but a typing error in Retry-After must not cost the day.
PATIENCE = timedelta(hours=6)
# Spreads the retries of a thousand messages that failed in the same second.
SPREAD = 0.2


class Schedule(msgspec.Struct, frozen=True):
    """When to try again: `waits[n]` after the n+1-th try failed, and one try more than there are waits.

    Each wait grows by up to `spread` of itself. A Retry-After lengthens it, to `patience` at most.
    """

    waits: tuple[timedelta, ...]
    spread: float = SPREAD
    patience: timedelta = PATIENCE

    @property
    def attempts(self) -> int:
        """How many tries there are."""
        return len(self.waits) + 1


_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
# Five tries within three hours outlast a bad deploy and still arrive on the same day.
SAME_DAY = Schedule((timedelta(seconds=5), 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR))
# What Standard Webhooks proposes: ten tries within some three days, which outlast a weekend.
STANDARD = Schedule((*SAME_DAY.waits, *(_HOUR * hours for hours in (5, 10, 14, 20, 24))))

ATTEMPTS = SAME_DAY.attempts
WAITS = SAME_DAY.waits


class Delivered(msgspec.Struct, frozen=True):
    """The receiver has it."""


class Waiting(msgspec.Struct, frozen=True):
    """Try again, `wait` from now at the earliest. Not `counted`: nothing was sent, it was no try."""

    wait: timedelta
    counted: bool = True


class Abandoned(msgspec.Struct, frozen=True):
    """The tries are over."""

    why: str


class Disabled(msgspec.Struct, frozen=True):
    """The receiver wants nothing more at this address."""

    why: str


Verdict = Delivered | Waiting | Abandoned | Disabled


def judge(answer: Answer, *, attempt: int, chance: float = 0.0, schedule: Schedule = SAME_DAY) -> Verdict:
    """Decide the fate of a delivery after its `attempt`-th try (the first is 1).

    Any 2xx is success; what else comes back is tried again, 4xx too, since the address is the
    operator's own and a typing error in it gets mended. `chance`, 0 to 1, is this message's share
    of the spread.
    """
    spread = 1 + schedule.spread * chance
    if not answer.begun:
        return Waiting(min(answer.retry_after, schedule.patience) * spread, counted=False)
    if answer.status is not None and 200 <= answer.status < 300:
        return Delivered()
    if answer.status == 410:
        return Disabled("the endpoint answered 410 Gone")
    if attempt >= schedule.attempts:
        return Abandoned(f"no success in {attempt} tries; the last: {said(answer)}")
    return Waiting(max(schedule.waits[attempt - 1] * spread, min(answer.retry_after, schedule.patience)))


def said(answer: Answer) -> str:
    """The answer in a few words, for a log or a dead letter."""
    if answer.error:
        return f"{answer.error} ({answer.why})" if answer.why else answer.error
    if answer.status == 401:
        return "status 401 (does the receiver have our signing secret?)"
    return f"status {answer.status}"
