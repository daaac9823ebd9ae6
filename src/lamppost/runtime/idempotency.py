"""A request under an Idempotency-Key happens once: key, effects and answer are one transaction.

The key's row is written first. Whoever brings the same key meanwhile waits for it on the table's
unique index; when the transaction ends they find its answer, or nothing and do the work themselves.
https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import base64
import hashlib
import random
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.errors import CallerError
from lamppost.runtime.body import raw_of
from lamppost.runtime.joined import Joined

if TYPE_CHECKING:
    from psycopg import Connection

    from lamppost.declare.identity import Caller
    from lamppost.runtime.context import LiveContext

MARKER = {"idempotent-replayed": "true"}
# How long a duplicate waits for the first, and never more than this share of its own time.
PATIENCE = 5.0
SHARE = 0.5
# What is kept of an answer: more would make the table the place where answers live.
BODY_MAX = 1024 * 1024
# A returned status from here on says that the work failed, as raising does.
FAILURE = 500
SCOPE_MAX = 200
# One in so many requests with a key leaves a sweep behind.
SWEEP_EVERY = 100
SWEEP_ROWS = 500

_QUOTED = re.compile(r'"((?:[!#-\[\]-~]|\\["\\])*)"')
_BARE = re.compile(r"""[!#-+\--\[\]-~]+""")

CLAIM = (
    "select ours, request, status, headers::text, body from lamppost.idempotency_claim(%s, %s, %s, %s, %s)"
)
KEEP = "select lamppost.idempotency_keep(%s, %s, %s, %s, %s)"
SWEEP = "select lamppost.idempotency_sweep(%s)"

Answer = dict[str, Any]


class Request(msgspec.Struct, frozen=True):
    """A keyed request: whose key it is, and the SHA-256 of what was asked. `keep` is seconds."""

    scope: str
    key: str
    digest: bytes
    keep: float


def key_of(headers: Mapping[str, str]) -> str:
    """The request's key: a structured field's string, or the same characters without quotes.

    Raises `CallerError`: 400 idempotency_key_missing, idempotency_key_invalid.
    """
    given = headers.get("idempotency-key")
    if given is None:
        raise CallerError(
            400,
            "idempotency_key_missing",
            "this needs an Idempotency-Key header: a new UUID for each new wish, the same when you repeat it",
        )
    given = given.strip(" \t")
    quoted = _QUOTED.fullmatch(given)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else given if _BARE.fullmatch(given) else ""
    if not 1 <= len(key) <= 255:
        raise CallerError(
            400,
            "idempotency_key_invalid",
            "an Idempotency-Key is 1 to 255 visible ASCII characters, once, with or without quotes around it",
        )
    return key


def request_of(
    key: str,
    event: Mapping[str, Any],
    service: str,
    caller: "Caller | None",
    keep: float,
    *,
    heeds: tuple[str, ...] = (),
) -> Request:
    """The keyed request in an HTTP API event (payload 2.0); `heeds` names the headers its handler reads."""
    headers = event.get("headers") or {}
    # Who calls is the scope's to say: a token may be renewed between two tries.
    told = [name for name in heeds if name != "authorization" and name in headers]
    parts = (
        event["requestContext"]["http"]["method"].encode(),
        str(event.get("rawPath") or "").encode("utf-8", "surrogatepass"),
        str(event.get("rawQueryString") or "").encode("utf-8", "surrogatepass"),
        raw_of(event),
        *(f"{name}: {headers[name]}".encode("utf-8", "surrogatepass") for name in told),
    )
    digest = hashlib.sha256()
    for part in parts:
        # With their lengths, so that no two requests read the same.
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return Request(_scope(event, service, caller), key, digest.digest(), keep)


def _scope(event: Mapping[str, Any], service: str, caller: "Caller | None") -> str:
    if caller is not None:
        subject = caller.subject
        if len(subject) > SCOPE_MAX:
            subject = f"sha256 {hashlib.sha256(subject.encode('utf-8', 'surrogatepass')).hexdigest()}"
        return f"{service} caller {subject}"
    # Nobody verified who this is. What they bring to prove it to the handler is part of the scope: an
    # answer is shown again before the handler is asked.
    headers = event.get("headers") or {}
    proof = "\n".join([headers.get("authorization", ""), *(event.get("cookies") or [])]).strip()
    if not proof:
        return f"{service} stranger"
    return f"{service} stranger {hashlib.sha256(proof.encode('utf-8', 'surrogatepass')).hexdigest()}"


def once(request: Request, context: "LiveContext", work: Callable[[], Answer], *, seconds: float) -> Answer:
    """The answer of `work`, kept under the request's key; or the answer kept there, marked.

    `seconds` is what the work may take. Raises `CallerError`: 409 idempotency_in_progress, 422
    idempotency_key_reused; and whatever `work` and the database raise, after which nothing is kept.
    """
    from psycopg import Rollback

    from lamppost.db.pool import get_pool

    context.check_time()
    answered: Answer = {}
    committed: Joined | None = None
    # psycopg lets our Rollback through when the line breaks meanwhile: rolled back it is all the same.
    with suppress(Rollback), get_pool().transaction() as db:
        known = _claim(db, request, seconds)
        if known is not None:
            answered = known
            # Reading it locked its row: a commit would wait for the disk on account of nothing.
            raise Rollback
        joined = Joined(db)
        answered = _joined(context, joined, work)
        if answered["statusCode"] >= FAILURE:
            raise Rollback
        context.check_time()
        _keep(db, request, answered)
        committed = joined
    if committed is not None:
        committed.send_all(context.log)
        _sweep_sometimes()
    return answered


def _joined(context: "LiveContext", joined: Joined, work: Callable[[], Answer]) -> Answer:
    context.join(joined)
    try:
        return work()
    finally:
        context.join(None)


def _claim(db: "Connection[Any]", request: Request, seconds: float) -> Answer | None:
    from datetime import timedelta

    from psycopg.errors import LockNotAvailable

    patience = f"{int(min(PATIENCE, seconds * SHARE) * 1000)}ms"
    try:
        row = db.execute(
            CLAIM, (request.scope, request.key, request.digest, timedelta(seconds=request.keep), patience)
        ).fetchone()
    except LockNotAvailable as busy:
        raise CallerError(
            409,
            "idempotency_in_progress",
            "the first request with this Idempotency-Key is still being worked on",
            retry_after=2,
        ) from busy
    assert row is not None, "the function answers with one row"
    ours, digest, status, headers, body = row
    if ours:
        return None
    if digest != request.digest:
        raise CallerError(
            422,
            "idempotency_key_reused",
            "this Idempotency-Key came with another request before: a new wish needs a new key",
        )
    return _replayed(status, msgspec.json.decode(headers, type=list[tuple[str, str]]), body)


def _keep(db: "Connection[Any]", request: Request, answered: Answer) -> None:
    body = answered.get("body") or ""
    kept = base64.b64decode(body) if answered.get("isBase64Encoded") else body.encode()
    if len(kept) > BODY_MAX:
        raise CallerError(
            422,
            "idempotency_answer_too_large",
            f"nothing was done: the answer has {len(kept)} bytes, and {BODY_MAX} are kept under a key",
        )
    headers = [
        *answered["headers"].items(),
        *(("set-cookie", cookie) for cookie in answered.get("cookies", ())),
    ]
    db.execute(
        KEEP,
        (request.scope, request.key, answered["statusCode"], msgspec.json.encode(headers).decode(), kept),
    )


def _replayed(status: int, headers: list[tuple[str, str]], body: bytes) -> Answer:
    answered: Answer = {
        "statusCode": status,
        "headers": {name: value for name, value in headers if name != "set-cookie"} | MARKER,
    }
    cookies = [value for name, value in headers if name == "set-cookie"]
    if cookies:
        answered["cookies"] = cookies
    try:
        return {**answered, "body": body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {**answered, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _sweep_sometimes() -> None:
    if random.randrange(SWEEP_EVERY) == 0:
        from lamppost.runtime import sweeping

        sweeping.leave_behind(SWEEP, SWEEP_ROWS)
