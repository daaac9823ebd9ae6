"""Access tokens that were taken back before they expired, by their `jti`.

A token is believed for as long as it says, unless it stands here: logging out writes one row, and a request
that must know looks it up by its key.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import Connection

REVOKE = """
insert into lamppost.revoked_tokens (jti, expires_at) values (%(jti)s, %(expires)s)
on conflict (jti) do nothing
"""

IS_REVOKED = "select 1 from lamppost.revoked_tokens where jti = %(jti)s"

SWEEP = """
delete from lamppost.revoked_tokens
 where jti in (select jti from lamppost.revoked_tokens where expires_at < %(now)s limit %(limit)s)
"""


def revoke(db: "Connection[Any]", jti: "UUID", *, expires_at: datetime) -> None:
    """Take a token back. Twice is as once."""
    db.execute(REVOKE, {"jti": jti, "expires": expires_at})


def is_revoked(db: "Connection[Any]", jti: "UUID") -> bool:
    """Whether the token was taken back."""
    return db.execute(IS_REVOKED, {"jti": jti}).fetchone() is not None


def sweep(db: "Connection[Any]", *, now: datetime, limit: int = 1000) -> int:
    """Delete up to `limit` rows whose tokens have expired by themselves; how many went."""
    return db.execute(SWEEP, {"now": now, "limit": limit}).rowcount
