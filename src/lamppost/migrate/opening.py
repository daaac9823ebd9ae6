"""A migrator's session: the server notices its death, and writes dates as the driver reads them."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

from lamppost.migrate import refusals
from lamppost.migrate.ledger import Connection

APPLICATION = "lamppost migrate"
# So that a killed migrator lets go within half a second; and whatever style this database writes dates in.
SETTINGS = "-c client_connection_check_interval=500 -c datestyle=ISO"


def opened(conninfo: str, *, application: str = APPLICATION, patience: int | None = None) -> Connection:
    """A connection in autocommit; `patience` bounds connecting, in seconds.

    Raises `psycopg.OperationalError` when nobody lets us in, `OperatorError` when a pooler does.
    """
    given = conninfo_to_dict(conninfo).get("options") or ""
    try:
        return psycopg.connect(
            conninfo,
            autocommit=True,
            application_name=application,
            # A file may `discard all`, and what we prepared would be gone.
            prepare_threshold=None,
            options=f"{given} {SETTINGS}".strip(),
            connect_timeout=patience,
        )
    except psycopg.OperationalError as refused:
        # PgBouncer's words, and RDS Proxy's: neither passes a session's settings on.
        if "unsupported startup parameter" in str(refused) or "RDS Proxy" in str(refused):
            raise refusals.through_a_pooler() from refused
        raise
