"""Receiving webhooks: is it from who it says, and have we had it already? Two lines in any service.

    message = receive.verified(headers, body, secret)
    with receive.once(db, message, consumer="shop.payments") as first:
        if first:
            store.pay(db, message.json())

A sender repeats what it is not sure of, with the same `webhook-id`. The id is kept in the transaction of the
effect, so a message that comes twice, or at the same time, or again after a crash has its effect once.
It needs psycopg and one table (a platform migration; `install` where Lamppost does not migrate).
"""

import hashlib
import random
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from lamppost.delivery import keys, signing
from lamppost.errors import AuthorError, CallerError

if TYPE_CHECKING:
    from psycopg import Connection

T = TypeVar("T")

BODY_MAX = 1024 * 1024
# Longer than a sender retries, and longer than its dead letters wait for somebody to send them again.
KEEP = timedelta(days=30)
# How long a repeat waits for the transaction that has the message.
PATIENCE = "5s"
SWEEP_EVERY = 100
SWEEP_ROWS = 500

# No full stop: it parts id and time in what is signed, and could move from one to the other.
_ID = re.compile(r"[!-\-/-~]{1,256}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_CONSUMER_MAX = 200
_MIGRATION = Path(__file__).parents[1] / "migrations" / "2025-11-05T0000__lamppost__received.sql"

FIRST = "select lamppost.received_first(%s, %s, %s, %s)"
SWEEP = "select lamppost.received_sweep(%s)"


class Headers(Protocol):
    """A request's headers: a dict, or whatever a server's framework has; names in any case."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Each name with its value."""
        ...


class Message(msgspec.Struct, frozen=True):
    """A message whose signature fits. `key` is the place, in the secret, of the key it fits: 0 the first."""

    id: str
    sent_at: datetime
    body: bytes
    key: int

    def json(self) -> Any:
        """The body's JSON. Raises `CallerError` 400 webhook_body_invalid."""
        return self.decode(Any)

    def decode(self, shape: type[T]) -> T:
        """The body's JSON as a `msgspec.Struct` or other type. Raises as `json` does."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise CallerError(
                400, "webhook_body_invalid", f"the webhook's body is not as agreed: {error}"
            ) from error


def verified(
    headers: Headers, body: bytes, secret: str, *, now: datetime | None = None, body_max: int = BODY_MAX
) -> Message:
    """The message, if it is signed with a key of `secret`, whole, and at most five minutes old or early.

    `body` is the request's as it came: JSON that was read and written anew is another text. `secret` holds
    `whsec_…` (v1) or `whpk_…` (v1a), several separated by spaces while the sender changes its key, or what
    `lamppost secrets rotate` made of them.
    Raises `CallerError`: 413 webhook_too_large, 400 webhook_header_missing, webhook_header_invalid,
    401 webhook_too_old, webhook_too_new, webhook_signature_invalid; `OperatorError` signing_secret_invalid.
    """
    _check_body(body, body_max)
    now = now or datetime.now(UTC)
    known = signing.keys(secret, now=now)
    told = _told(headers)
    message_id, at = told["webhook-id"], told["webhook-timestamp"]
    if not _ID.fullmatch(message_id):
        raise CallerError(
            400,
            "webhook_header_invalid",
            "webhook-id is not 1 to 256 visible ASCII characters without a full stop",
        )
    if not _SECONDS.fullmatch(at):
        raise CallerError(400, "webhook_header_invalid", "webhook-timestamp is not a count of seconds")
    _check_time(int(at), now)
    # All keys are tried, whichever fits: how long it takes tells nothing.
    fits = [_fits(key, told, body, now) for key in known]
    if True not in fits:
        raise CallerError(
            401,
            "webhook_signature_invalid",
            "no signature fits this body: another secret, or the body was changed on its way",
        )
    return Message(message_id, datetime.fromtimestamp(int(at), UTC), bytes(body), fits.index(True))


def _fits(key: keys.Key, told: dict[str, str], body: bytes, now: datetime) -> bool:
    try:
        signing.verify((key,), told, body, now=now)
    except signing.BadSignature:
        return False
    return True


_NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")


def _told(headers: Headers) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()
        if name in _NAMES:
            if name in told:
                raise CallerError(400, "webhook_header_invalid", f"{name} is there twice")
            if not value.isascii():
                raise CallerError(400, "webhook_header_invalid", f"{name} holds more than ASCII")
            told[name] = value
    for name in _NAMES:
        if not told.get(name):
            raise CallerError(400, "webhook_header_missing", f"{name} is missing")
    return told


def _check_body(body: bytes, body_max: int) -> None:
    if not isinstance(body, bytes | bytearray | memoryview):
        raise AuthorError(
            f"the body is a {type(body).__name__}; what was signed are bytes",
            fix="pass the request's raw body, before anything reads JSON or text from it",
            code="webhook_body_not_raw",
        )
    if len(body) > body_max:
        raise CallerError(
            413, "webhook_too_large", f"the webhook has {len(body)} bytes, and {body_max} are taken"
        )


def _check_time(at: int, now: datetime) -> None:
    age = now.timestamp() - at
    if age > signing.TOLERANCE.total_seconds():
        raise CallerError(
            401, "webhook_too_old", f"the webhook was signed {age:.0f} s ago, and five minutes are allowed"
        )
    if -age > signing.TOLERANCE.total_seconds():
        raise CallerError(
            401, "webhook_too_new", f"the webhook's time is {-age:.0f} s ahead of ours: look at both clocks"
        )


@contextmanager
def once(
    db: "Connection[Any]", message: Message | str, *, consumer: str, keep: timedelta = KEEP
) -> Iterator[bool]:
    """A transaction in which `message` is handled; yields whether it is new. What raises takes both back.

    Inside a transaction that is open already, it is part of that one. See `first`.
    """
    with db.transaction():
        yield first(db, message, consumer=consumer, keep=keep)


def first(db: "Connection[Any]", message: Message | str, *, consumer: str, keep: timedelta = KEEP) -> bool:
    """Whether `message` (or its id) is new to `consumer`: noted in this transaction, kept for `keep`.

    `consumer` names who handles it: two services on one database that get the same message handle it once
    each. False means: it was handled; answer 2xx and do nothing. While another transaction handles it, this
    one waits. Raises `CallerError` 503 webhook_in_progress after five seconds of that (the sender comes
    again), `AuthorError` outside a transaction, where the note would be kept and the effect could be lost.
    """
    from psycopg.errors import LockNotAvailable

    message_id = message.id if isinstance(message, Message) else message
    _check_transaction(db)
    if not 1 <= len(consumer) <= _CONSUMER_MAX:
        raise AuthorError(
            f"consumer= has {len(consumer)} characters",
            fix=f"name who handles the message in 1 to {_CONSUMER_MAX} characters: shop.payments",
            code="consumer_invalid",
        )
    try:
        row = db.execute(FIRST, (consumer, _kept(message_id), keep, PATIENCE)).fetchone()
    except LockNotAvailable as busy:
        raise CallerError(
            503, "webhook_in_progress", "this message is still being worked on", retry_after=2
        ) from busy
    if random.randrange(SWEEP_EVERY) == 0:
        sweep(db)
    assert row is not None, "the function answers with one row"
    return bool(row[0])


def sweep(db: "Connection[Any]", rows: int = SWEEP_ROWS) -> int:
    """Delete up to `rows` notes whose time is over; how many. One call of `first` in a hundred does it."""
    row = db.execute(SWEEP, (rows,)).fetchone()
    return int(row[0]) if row else 0


def install(db: "Connection[Any]") -> None:
    """Make the table in a database that Lamppost does not migrate; needs the right to. Again does nothing.

    In a Lamppost system the migrator has made it: nobody calls this there.
    """
    script = _MIGRATION.read_bytes()
    with db.transaction():
        db.execute("select pg_advisory_xact_lock(hashtext('lamppost.received'))")
        there = db.execute("select to_regclass('lamppost.received') is not null").fetchone()
        if there == (False,):
            db.execute("create schema if not exists lamppost")
            db.execute(script)


def _check_transaction(db: "Connection[Any]") -> None:
    from psycopg.pq import TransactionStatus

    if db.autocommit and db.info.transaction_status == TransactionStatus.IDLE:
        raise AuthorError(
            "a message is looked up outside a transaction",
            fix="use receive.once(), or begin one around this and the effect: with db.transaction()",
            code="webhook_outside_transaction",
        )


def _kept(message_id: str) -> str:
    """What is stored: the id, or its hash where it is longer than an index takes."""
    if len(message_id) <= 256:
        return message_id
    return f"sha256 {hashlib.sha256(message_id.encode('utf-8', 'surrogatepass')).hexdigest()}"
