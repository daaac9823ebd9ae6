"""What came back from one POST, or why nothing did."""

from datetime import timedelta

import msgspec


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one attempt.

    `status` is set once the receiver's headers have arrived, whatever became of the body after them.
    `error` is one of E_DNS, E_REFUSED, E_TLS, E_TIMEOUT, E_RESET, E_RESPONSE, E_NETWORK,
    E_INVALID_TARGET (the address guard said no: nothing was sent) and E_OPEN (the endpoint rests
    after failures: nothing was sent and it is no attempt), or empty.
    `retry_after` is what the receiver asked for, with E_OPEN what is left of the rest; `head` the
    first bytes of its body, our own signatures and passwords blacked out.
    """

    status: int | None
    error: str = ""
    why: str = ""
    retry_after: timedelta = timedelta(0)
    latency_ms: int = 0
    head: bytes = b""

    @property
    def begun(self) -> bool:
        """Whether it was an attempt."""
        return self.error != "E_OPEN"
