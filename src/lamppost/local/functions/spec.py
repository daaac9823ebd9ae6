"""What the runner knows about one function."""

import msgspec

from lamppost.derive.manifest import FunctionEntry, ServiceEntry


class Spec(msgspec.Struct, frozen=True):
    """A function as it runs: `name` is its dev name, `timeout` seconds, `limit` its sandboxes at most.

    `reserved` tells whether `limit` is reserved concurrency (beyond it a call is throttled, as on
    AWS) or only this machine's share (beyond it a call waits).
    """

    name: str
    service: ServiceEntry
    entry: FunctionEntry
    environment: dict[str, str]
    timeout: float
    memory_mb: int
    limit: int
    reserved: bool


class Result(msgspec.Struct, frozen=True):
    """What an invocation gave: `error` is "Unhandled" when it failed, `log_tail` its last 4 KB.

    `milliseconds` is how long the function worked; None when it never began.
    """

    payload: bytes
    error: str | None = None
    log_tail: bytes = b""
    throttled: bool = False
    request_id: str = ""
    milliseconds: float | None = None


def failure(
    kind: str, message: str, *, request_id: str = "", log_tail: bytes = b"", throttled: bool = False
) -> Result:
    """The Result of an invocation that never answered: AWS's `errorType` and `errorMessage`."""
    payload = msgspec.json.encode({"errorType": kind, "errorMessage": message})
    return Result(payload, "Unhandled", log_tail, throttled, request_id)
