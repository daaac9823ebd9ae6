"""One new connection, set up the way every connection of the house is."""

import math
from typing import Any

import psycopg

from lamppost.db import credentials as who
from lamppost.db import faults, tls
from lamppost.db.bounds import Bounds
from lamppost.db.credentials import Credentials
from lamppost.db.statements import Statement
from lamppost.observe.log import Log

Connection = psycopg.Connection[tuple[Any, ...]]

# A peer that went away without a word (a failover, a forgetful NAT) is noticed in ten seconds, not hours.
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}


def connect(bounds: Bounds, log: Log, *, wait: float) -> Connection:
    """A connection with the process's credentials; `wait` is seconds (libpq's least is 2).

    When the server refuses the credentials and they came from a secret, the secret is read once
    past every cache and the connection tried once more: a rotated password costs no request.
    Raises `faults.CannotConnect`, or `OperatorError` when there are no credentials.
    """
    credentials = who.read()
    try:
        return _open(credentials, bounds, wait)
    except psycopg.Error as refusal:
        failure = faults.why_no_connection(refusal)
        renewed = who.read_again(credentials) if failure.reason == "authentication_failed" else None
        if renewed is None:
            raise failure from refusal
    log.warning("[DB-LAYER] secret.reread", secret_name=credentials.secret)
    try:
        return _open(renewed, bounds, wait)
    except psycopg.Error as refusal:
        raise faults.why_no_connection(refusal) from refusal


def _open(credentials: Credentials, bounds: Bounds, wait: float) -> Connection:
    return psycopg.connect(
        **parameters(credentials, bounds),
        connect_timeout=max(2, math.ceil(wait)),
        autocommit=True,
        cursor_factory=Statement,
        # RDS Proxy pins a session that prepares, and the pinned connection serves nobody else.
        prepare_threshold=None if bounds.proxy else 5,
    )


def parameters(credentials: Credentials, bounds: Bounds) -> dict[str, Any]:
    """What libpq is told. Every part is said, so that no PG* variable of the shell is heard."""
    return {
        "host": credentials.host,
        "port": credentials.port,
        "dbname": credentials.database,
        "user": credentials.user,
        "password": credentials.password,
        "application_name": bounds.name[:63],
        "client_encoding": "utf8",
        "gssencmode": "disable",
        "options": "" if bounds.proxy else options(bounds),
        **tls.parameters(credentials.host, proxy=bounds.proxy, bundle=bounds.bundle),
        **_KEEPALIVE,
    }


def options(bounds: Bounds) -> str:
    """The settings a session starts with. RDS Proxy refuses them: behind it they belong to the role."""
    return (
        f"-c statement_timeout={bounds.statement_ms} -c lock_timeout={bounds.lock_ms}"
        f" -c idle_in_transaction_session_timeout={bounds.transaction_idle_ms} -c TimeZone=UTC"
    )
