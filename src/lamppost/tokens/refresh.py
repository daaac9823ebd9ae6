"""Refresh tokens: one line per login, of which only the newest holds.

Each use makes a successor, in one guarded UPDATE: of any number at once, exactly one wins. Whoever comes
with an earlier token than the newest has a copy of it, or was robbed, and nobody can tell which: the line
ends, and the person logs in anew. There is no grace for a client that repeats itself, since it could not be
told from a thief; a client refreshes once at a time (docs/decisions/0012).

The end of a line is written, and must stay although the caller is refused: raise the 401 with `keep=True`.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import msgspec

if TYPE_CHECKING:
    from psycopg import Connection

_TOKEN = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})")

BEGIN = """
insert into lamppost.refresh_tokens (family, issuer, subject, token_hash, begun_at, expires_at, ends_at)
values (%(family)s, %(issuer)s, %(subject)s, %(new)s, %(now)s, %(expires)s, %(ends)s)
"""

TURN = """
update lamppost.refresh_tokens
   set token_hash = %(new)s, generation = generation + 1, used_at = %(now)s,
       expires_at = least(%(expires)s, ends_at)
 where family = %(family)s and issuer = %(issuer)s and token_hash = %(old)s
   and revoked_at is null and expires_at > %(now)s
returning subject, generation, expires_at
"""

END_REPLAYED = """
update lamppost.refresh_tokens
   set revoked_at = %(now)s
 where family = %(family)s and issuer = %(issuer)s and token_hash <> %(old)s and revoked_at is null
returning subject
"""

END = """
update lamppost.refresh_tokens
   set revoked_at = %(now)s
 where family = %(family)s and issuer = %(issuer)s and revoked_at is null
"""

END_ALL = """
update lamppost.refresh_tokens
   set revoked_at = %(now)s
 where issuer = %(issuer)s and subject = %(subject)s and revoked_at is null and expires_at > %(now)s
"""

SWEEP = """
delete from lamppost.refresh_tokens
 where family in (select family from lamppost.refresh_tokens where expires_at < %(before)s limit %(limit)s)
"""


class Turned(msgspec.Struct, frozen=True):
    """A refresh token that holds now, whose it is, and the how-many-eth of its line."""

    token: str
    subject: str
    generation: int
    expires_at: datetime


class Replayed(msgspec.Struct, frozen=True):
    """A token that had a successor came again: its line has been ended. `subject` may want to know."""

    subject: str


class Unknown(msgspec.Struct, frozen=True):
    """No token, or one that expired or was taken back."""


class Lines:
    """The refresh tokens of one `issuer`.

    A token may be used within `lifetime`, and whatever the use, the person logs in anew after `ends`.
    """

    def __init__(self, issuer: str, *, lifetime: timedelta, ends: timedelta) -> None:
        self._issuer = issuer
        self._lifetime = lifetime
        self._ends = ends

    def begin(self, db: "Connection[Any]", subject: str, *, now: datetime) -> Turned:
        """The first token of a new line, for someone who has just logged in."""
        family, fresh = uuid4(), secrets.token_urlsafe(32)
        expires = now + min(self._lifetime, self._ends)
        row = {"family": family, "subject": subject, "ends": now + self._ends, **self._change(fresh, now)}
        db.execute(BEGIN, {**row, "expires": expires})
        return Turned(f"{family.hex}.{fresh}", subject, 1, expires)

    def turn(self, db: "Connection[Any]", token: str, *, now: datetime) -> Turned | Replayed | Unknown:
        """Exchange `token` for its successor. Callers at once wait for one another; one wins."""
        known = self._known(token)
        if known is None:
            return Unknown()
        fresh = secrets.token_urlsafe(32)
        row = db.execute(TURN, {**known, **self._change(fresh, now)}).fetchone()
        if row is not None:
            return Turned(f"{known['family'].hex}.{fresh}", row[0], row[1], row[2])
        replayed = db.execute(END_REPLAYED, {**known, "now": now}).fetchone()
        return Replayed(replayed[0]) if replayed is not None else Unknown()

    def end(self, db: "Connection[Any]", token: str, *, now: datetime) -> None:
        """Log out: the line of `token` holds no more, whichever of its tokens this is."""
        known = self._known(token)
        if known is not None:
            db.execute(END, {**known, "now": now})

    def end_all(self, db: "Connection[Any]", subject: str, *, now: datetime) -> int:
        """Log out everywhere; how many lines ended."""
        return db.execute(END_ALL, {"issuer": self._issuer, "subject": subject, "now": now}).rowcount

    def _known(self, token: str) -> dict[str, Any] | None:
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        return {"family": UUID(match[1]), "issuer": self._issuer, "old": _hash(match[2])}

    def _change(self, fresh: str, now: datetime) -> dict[str, Any]:
        return {"issuer": self._issuer, "new": _hash(fresh), "now": now, "expires": now + self._lifetime}


def sweep(db: "Connection[Any]", *, now: datetime, limit: int = 1000) -> int:
    """Delete up to `limit` lines that expired a day ago and more; how many went. Run it again until 0."""
    return db.execute(SWEEP, {"before": now - timedelta(days=1), "limit": limit}).rowcount


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
