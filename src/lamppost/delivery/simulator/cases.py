"""What a good sender makes of each behaviour: ours is held to it, and others may be."""

import msgspec

from lamppost.delivery.simulator.behaviours import BEHAVIOURS
from lamppost.delivery.simulator.doors import DOORS

DELIVERED, FAILED, DISABLED = "delivered", "failed", "disabled"
NEVER = ("E_TIMEOUT",)


class Case(msgspec.Struct, frozen=True):
    """One behaviour with its options. `target` is a path of the simulator's, or the name of a door.

    `status` is what a sender reports, None when no answer came; then its error is one of `errors`.
    """

    target: str
    verdict: str
    status: int | None = None
    errors: tuple[str, ...] = ("",)

    @property
    def about(self) -> str:
        """What the behaviour does."""
        name = self.target.partition("/")[0].partition("?")[0]
        return DOORS.get(name) or BEHAVIOURS[name].about

    @property
    def hangs(self) -> bool:
        """Whether the sender's patience is what ends it."""
        return self.errors == NEVER or self.target.startswith("trickle?")


def _answered(target: str, status: int) -> Case:
    kind = DELIVERED if 200 <= status < 300 else DISABLED if status == 410 else FAILED
    return Case(target, kind, status)


def _failed(target: str, *errors: str) -> Case:
    return Case(target, FAILED, None, errors)


CASES = (
    _answered("ok", 200),
    _answered("status/204", 204),
    _answered("status/299", 299),
    _answered("status/400", 400),
    _answered("status/401", 401),
    _answered("status/404", 404),
    _answered("status/410", 410),
    _answered("status/429?retry-after=3", 429),
    _answered("status/429?retry-after=-5", 429),
    _answered("status/500", 500),
    _answered("status/503?retry-after=soon", 503),
    _answered("status/503?retry-after=date", 503),
    _answered("status/999", 999),
    _failed("status/1000", "E_RESPONSE"),
    _answered("redirect/301", 301),
    _answered("redirect?to=http://169.254.169.254/", 302),
    _answered("redirect/307", 307),
    _answered("set-cookie", 200),
    _answered("echo", 200),
    _answered("early-hints", 200),
    _answered("latin1", 200),
    _answered("slow?seconds=0.2", 200),
    _failed("silent", *NEVER),
    _failed("deaf", *NEVER),
    # The status decides; that the body takes for ever costs the slot until the deadline, and no longer.
    _answered("trickle?seconds=0.1", 200),
    _failed("trickle-head?seconds=0.1", *NEVER),
    _failed("continue?seconds=0.1", *NEVER),
    _failed("interim-flood", "E_RESPONSE", "E_RESET", "E_TIMEOUT"),
    _answered("endless", 200),
    _answered("endless-chunks", 200),
    _answered("huge?bytes=10gb", 200),
    _answered("gzip-bomb", 200),
    _failed("many-headers", "E_RESPONSE"),
    _failed("long-header", "E_RESPONSE"),
    _failed("endless-headers", "E_RESPONSE"),
    _answered("short-body", 200),
    _answered("long-body", 200),
    _answered("answers-twice", 500),
    _answered("bad-chunks", 200),
    _failed("two-lengths", "E_RESPONSE"),
    _failed("bad-status-line", "E_RESPONSE"),
    _failed("other-protocol", "E_RESPONSE"),
    _failed("switching", "E_TIMEOUT", "E_RESPONSE"),
    _failed("close-before-answer", "E_RESET"),
    _failed("half-headers", "E_RESET"),
    _failed("reset", "E_RESET"),
    _failed("reset-mid-request", "E_RESET"),
    _answered("reset-after-headers", 200),
    _failed("refused", "E_REFUSED"),
    _failed("blackhole", *NEVER),
    _failed("reset-on-accept", "E_RESET", "E_REFUSED"),
    _answered("tls-ok", 200),
    _failed("tls-self-signed", "E_TLS"),
    _failed("tls-expired", "E_TLS"),
    _failed("tls-wrong-host", "E_TLS"),
    _failed("tls-old", "E_TLS"),
    _failed("tls-silent", *NEVER),
    _failed("tls-reset", "E_TLS", "E_RESET"),
    _failed("tls-close", "E_TLS", "E_RESET"),
    _failed("tls-plain", "E_TLS"),
)
