"""What becomes of a message after an attempt. Pure: the answer and the count decide."""

from datetime import timedelta

import msgspec

from lamppost.delivery.answer import Answer

ATTEMPTS = 5
# Five tries within three hours outlast a bad deploy and still arrive on the same day.
WAITS = (timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
# A receiver may ask for patience, but a typing error in Retry-After must not cost the day.
PATIENCE = timedelta(hours=6)
# Spreads the retries of a thousand messages that failed in the same second.
SPREAD = 0.2


class Delivered(msgspec.Struct, frozen=True):
    """The receiver has it."""


class Waiting(msgspec.Struct, frozen=True):
    """Try again, `wait` from now at the earliest."""

    wait: timedelta


class Abandoned(msgspec.Struct, frozen=True):
    """The tries are over."""

    why: str


class Disabled(msgspec.Struct, frozen=True):
    """The receiver wants nothing more at this address."""

    why: str


Verdict = Delivered | Waiting | Abandoned | Disabled


def judge(answer: Answer, *, attempt: int, chance: float = 0.0) -> Verdict:
    """Decide the fate of a delivery after its `attempt`-th try (the first is 1).

    Any 2xx is success; what else comes back is tried again, 4xx too, since the address is the
    operator's own and a typing error in it gets mended. `chance`, 0 to 1, is this message's share
    of the spread.
    """
    if answer.status is not None and 200 <= answer.status < 300:
        return Delivered()
    if answer.status == 410:
        return Disabled("the endpoint answered 410 Gone")
    if attempt >= ATTEMPTS:
        return Abandoned(f"no success in {attempt} tries; the last: {said(answer)}")
    wait = WAITS[attempt - 1] * (1 + SPREAD * chance)
    return Waiting(max(wait, min(answer.retry_after, PATIENCE)))


def said(answer: Answer) -> str:
    """The answer in a few words, for a log or a dead letter."""
    if answer.error:
        return f"{answer.error} ({answer.why})" if answer.why else answer.error
    return f"status {answer.status}"
