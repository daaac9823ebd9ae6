"""What a database error means to whoever waits for the answer.

`unavailable` and `outrun` are for a 503 with Retry-After, `interrupted` for work that was stopped on purpose.
"""

import psycopg

from lamppost.errors import OperatorError


class CannotConnect(OperatorError):
    """The database did not let us in. `reason` is stable, and safe to show."""

    code = "database_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"no connection to the database: {reason}", fix=_FIXES.get(reason, _LOOK))
        self.reason = reason


class PoolTimeout(OperatorError):
    """Every connection stayed in use for as long as we may wait."""

    code = "pool_timeout"


class Interrupted(OperatorError):
    """The work was stopped by `Pool.interrupt`; what was not committed never will be."""

    code = "database_interrupted"


_LOOK = "look for [DB-LAYER] in the function's log"
_FIXES = {
    "authentication_failed": "check user and password, in the secret or in DB_USER and DB_PASSWORD",
    "connection_refused": "start the database, or correct DB_HOST and DB_PORT",
    "database_unknown": "create the database, or correct DB_NAME",
    "host_unknown": "correct the host in the secret or DB_HOST",
    "tls_refused": "the server's certificate must name the host and come from a CA in DB_SSL_ROOT_CERT",
    "too_many_connections": "lower the functions' concurrency or DB_POOL_MAX, or raise max_connections",
    "connect_timeout": "let the function's security group reach the database's port",
}

_BY_STATE = {
    "57P01": "server_shutting_down",
    "57P02": "server_shutting_down",
    "57P03": "server_starting",
    "57P05": "connection_lost",
    "53300": "too_many_connections",
    "3D000": "database_unknown",
}
_BY_CLASS = {
    "08": "connection_lost",
    "28": "authentication_failed",
    "53": "out_of_resources",
    "58": "server_failed",
}

# Before a session exists psycopg has no SQLSTATE to give: only the server's or libpq's sentence.
_BY_TEXT = (
    ("too_many_connections", ("too many clients", "too many connections", "remaining connection slots")),
    ("server_starting", ("the database system is",)),
    ("server_shutting_down", ("terminating connection due to administrator",)),
    (
        "authentication_failed",
        ("password authentication failed", "no pg_hba.conf entry", "no password supplied"),
    ),
    ("authentication_failed", ('FATAL:  role "', "is not permitted to log in", "authentication failed")),
    ("authentication_failed", ("RDS proxy has no credentials", "password that was provided for the role")),
    ("database_unknown", ('FATAL:  database "',)),
    ("tls_refused", ("certificate verify failed", "server certificate for", "server does not support SSL")),
    ("tls_refused", ("SSL error", "tlsv1 alert", "sslv3 alert")),
    ("host_unknown", ("could not translate host name", "failed to resolve host")),
    ("connection_refused", ("Connection refused", "No such file or directory")),
    ("connect_timeout", ("timeout expired", "timed out", "No route to host", "Network is unreachable")),
    (
        "connection_lost",
        ("server closed the connection", "the connection is lost", "the connection is closed"),
    ),
    ("connection_lost", ("Connection reset", "Broken pipe", "consuming input failed", "connection not open")),
    ("connection_lost", ("could not receive data", "could not send data", "SSL SYSCALL error")),
    ("connection_lost", ("SSL connection has been closed", "no connection to the server")),
)


def unavailable(error: BaseException) -> str | None:
    """Why the database cannot serve now, as a stable word; None when the fault is not the database's."""
    if isinstance(error, CannotConnect):
        return error.reason
    if isinstance(error, PoolTimeout):
        return "pool_exhausted"
    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate
    if state is not None:
        return _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return None
    text = str(error)
    return next((reason for reason, signs in _BY_TEXT if any(sign in text for sign in signs)), None)


def outrun(error: BaseException) -> bool:
    """Whether another transaction got in the way (a deadlock, no serial order); nothing was kept."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith("40")


def interrupted(error: BaseException) -> bool:
    """Whether this work was stopped: by `Pool.interrupt`, a statement timeout or an operator's cancel."""
    return isinstance(error, Interrupted) or (isinstance(error, psycopg.Error) and error.sqlstate == "57014")


def why_no_connection(error: psycopg.Error) -> CannotConnect:
    """`error`, raised while connecting, as an `OperatorError`. libpq's text stays in its cause."""
    return CannotConnect(unavailable(error) or "connection_failed")
