"""How often a caller may call: a token bucket for each caller and class of routes, in PostgreSQL.

Every sandbox draws from the same bucket, so the limit holds however many there are.
"""

import random
import socket
import time
from collections.abc import Mapping
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.errors import CallerError

if TYPE_CHECKING:
    from lamppost.declare.identity import Caller
    from lamppost.derive.manifest import RateEntry

TAKE = "select taken, to_full from lamppost.bucket_take(%s, make_interval(secs => %s), %s)"
SWEEP = "select lamppost.bucket_sweep(%s)"
SWEEP_EVERY = 1_000
SWEEP_ROWS = 1_000
SUBJECT_MAX = 200
# Callers known to have an empty bucket, so that a flood costs the database one question and not thousands.
KNOWN_MAX = 1_000

_empty: dict[str, tuple[float, float]] = {}


class Verdict(msgspec.Struct, frozen=True):
    """What a bucket said: `remaining` calls now, all of them again in `reset` seconds.

    `retry_after` is None for a call that got a token, else the seconds until there is one.
    """

    remaining: int
    reset: int
    retry_after: int | None

    def headers(self, rate: "RateEntry") -> dict[str, str]:
        """The RateLimit fields, as clients in the field read them."""
        return {
            "ratelimit-limit": str(rate.burst),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset),
        }


def judge(rate: "RateEntry", *, taken: bool, to_full: float) -> Verdict:
    """The verdict on a call, when its bucket is full in `to_full` seconds (less than 0: full already)."""
    short = max(to_full, 0.0)
    if taken:
        # A microsecond of the clock's grain is no call less.
        return Verdict(max(floor(rate.burst - short / rate.step + 1e-4), 0), ceil(short), None)
    wait = max(ceil(short - rate.step * (rate.burst - 1)), 1)
    return Verdict(0, wait, wait)


def take(rate: "RateEntry", service: str, caller: "Caller | None", event: Mapping[str, Any]) -> Verdict:
    """Take a token for this call. Raises what the database raises: without it nothing is let through."""
    scope = scope_of(rate, service, caller, event)
    known = _known(scope)
    if known is not None:
        return known
    from lamppost.db.pool import get_pool

    with get_pool().connection() as db:
        row = db.execute(TAKE, (scope, rate.step, rate.burst)).fetchone()
    assert row is not None, "the function answers with one row"
    taken, to_full = row
    verdict = judge(rate, taken=taken, to_full=to_full)
    if not taken:
        _remember(scope, to_full - rate.step * (rate.burst - 1))
    if random.randrange(SWEEP_EVERY) == 0:
        from lamppost.runtime import sweeping

        sweeping.leave_behind(SWEEP, SWEEP_ROWS)
    return verdict


def refusal(rate: "RateEntry", verdict: Verdict) -> CallerError:
    """The 429 of a call that got no token."""
    return CallerError(
        429,
        "rate_limited",
        f"{rate.count} calls per {_period(rate.per)} are allowed here; the next in {verdict.retry_after} s",
        retry_after=verdict.retry_after,
    )


def scope_of(rate: "RateEntry", service: str, caller: "Caller | None", event: Mapping[str, Any]) -> str:
    """Whose bucket it is: the token's subject, else the address the connection came from.

    Never a header: whoever writes the address would write another for each call.
    """
    if caller is not None:
        who = caller.subject
        if len(who) > SUBJECT_MAX:
            import hashlib

            who = hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{service} {rate.name} caller {who}"
    address = str(event["requestContext"]["http"].get("sourceIp") or "")
    return f"{service} {rate.name} address {_network(address)}"


def _network(address: str) -> str:
    if ":" not in address:
        return address
    try:
        # A household has 2^64 addresses of IPv6, and is one caller.
        return socket.inet_pton(socket.AF_INET6, address)[:8].hex()
    except OSError:
        return address


def _known(scope: str) -> Verdict | None:
    since, until = _empty.get(scope, (0.0, 0.0))
    now = time.time()
    # A clock that was set back must not keep anyone out.
    if not since <= now < until:
        return None
    wait = max(ceil(until - now), 1)
    return Verdict(0, wait, wait)


def _remember(scope: str, seconds: float) -> None:
    now = time.time()
    if len(_empty) >= KNOWN_MAX:
        _empty.clear()
    _empty[scope] = (now, now + seconds)


def _period(seconds: float) -> str:
    names = {1.0: "second", 60.0: "minute", 3_600.0: "hour", 86_400.0: "day"}
    return names.get(seconds, f"{seconds:g} s")
