"""What the simulator received: how often each message came, if it changed, if its signature fits."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable

import msgspec

from lamppost.delivery import receive, signing
from lamppost.delivery.simulator.talk import Head
from lamppost.errors import CallerError

# Messages that are told apart; what comes with further ids is only counted.
IDS_MAX = 100_000
_SHOWN = 100
_FATES_SHOWN = 20

GOOD, UNCHECKED = "good", "not checked"


class Received(msgspec.Struct):
    """One message, by its `webhook-id`. `fates` are the behaviours it met, in order."""

    id: str
    tries: int = 0
    fates: list[str] = []
    signature: str = UNCHECKED
    changed: bool = False
    first_at: float = 0
    last_at: float = 0
    digest: bytes = b""


class Report(msgspec.Struct, frozen=True):
    """What a run was like. `repeats` are tries after a message's first, `changed` those with two bodies."""

    seed: int
    requests: int
    messages: int
    repeats: int
    without_id: int
    changed: int
    signatures: dict[str, int]
    behaviours: dict[str, int]
    most_tried: list[dict[str, object]]


class Ledger:
    """Kept while the simulator runs. `open` is how many requests are being answered at this moment."""

    def __init__(self, secret: str = "", clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        if secret:
            signing.keys(secret)  # refused at the start, not at the first message
        self._clock = clock
        self._by_id: dict[str, Received] = {}
        self._signatures: Counter[str] = Counter()
        self._behaviours: Counter[str] = Counter()
        self._requests = self._repeats = self._without_id = 0
        self.open = 0

    def arrived(self, head: Head) -> int:
        """Note a request when its head is there; which try of its message it is (1 the first)."""
        self._requests += 1
        message_id = head.field("webhook-id")[:256]
        if not message_id:
            self._without_id += 1
            return self._requests
        known = self._by_id.get(message_id)
        if known is None:
            if len(self._by_id) >= IDS_MAX:
                return self._requests
            known = self._by_id[message_id] = Received(message_id, first_at=self._clock())
        known.tries += 1
        known.last_at = self._clock()
        self._repeats += known.tries > 1
        return known.tries

    def met(self, head: Head, behaviour: str) -> None:
        """Note what a request met."""
        self._behaviours[behaviour] += 1
        known = self._by_id.get(head.field("webhook-id")[:256])
        if known is not None and len(known.fates) < _FATES_SHOWN:
            known.fates.append(behaviour)

    def heard(self, head: Head, body: bytes) -> None:
        """Note a request's body: its signature, and whether a repeat says what the first said."""
        verdict = self._judge(head, body)
        self._signatures[verdict] += 1
        known = self._by_id.get(head.field("webhook-id")[:256])
        if known is not None:
            digest = hashlib.sha256(body).digest()
            known.changed = known.changed or (known.digest not in (b"", digest))
            known.digest, known.signature = digest, verdict

    def _judge(self, head: Head, body: bytes) -> str:
        if not self._secret:
            return UNCHECKED
        try:
            receive.verified(head, body, self._secret)
        except CallerError as refused:
            return refused.code
        return GOOD

    def tries(self, message_id: str) -> int:
        """How often a message came."""
        known = self._by_id.get(message_id)
        return known.tries if known else 0

    def first_at(self, message_id: str) -> float:
        """When a message came first, in seconds since 1970; 0 when it did not."""
        known = self._by_id.get(message_id)
        return known.first_at if known else 0

    def report(self, seed: int = 0) -> Report:
        """Everything so far."""
        messages = sorted(self._by_id.values(), key=lambda each: (-each.tries, each.first_at))
        return Report(
            seed,
            self._requests,
            len(messages),
            self._repeats,
            self._without_id,
            sum(each.changed for each in messages),
            dict(sorted(self._signatures.items())),
            dict(sorted(self._behaviours.items())),
            [_shown(each) for each in messages[:_SHOWN]],
        )


def _shown(message: Received) -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(message)
    del shown["digest"]
    return shown
