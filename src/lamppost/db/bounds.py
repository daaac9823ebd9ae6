"""The numbers that bound a pool: how many connections, for how long. All come from the environment."""

import os
from collections.abc import Mapping

import msgspec

from lamppost.errors import OperatorError
from lamppost.settings.stage import on_lambda

ON_LAMBDA = 3
ON_ONE_MACHINE = 10


class Bounds(msgspec.Struct, frozen=True):
    """Counts and seconds; the statement, lock and transaction limits are milliseconds for the server.

    `idle` closes connections that were not used for so long, save one, which is probed instead.
    `wait` bounds connecting, and waiting for a connection that others use.
    """

    most: int = ON_ONE_MACHINE
    idle: float = 30.0
    wait: float = 5.0
    age: float = 1800.0
    statement_ms: int = 30_000
    lock_ms: int = 10_000
    transaction_idle_ms: int = 15_000
    proxy: bool = False
    bundle: str | None = None
    name: str = "lamppost"


def bounds(environment: Mapping[str, str] = os.environ) -> Bounds:
    """The bounds this process was given. Raises `OperatorError` for a number that is none."""

    def number(name: str, usual: int, least: int = 1) -> int:
        text = environment.get(name) or str(usual)
        if not text.isdecimal() or int(text) < least:
            raise OperatorError(
                f"{name}={text!r} is not a whole number of at least {least}", fix=f"change {name}"
            )
        return int(text)

    return Bounds(
        most=number("DB_POOL_MAX", ON_LAMBDA if on_lambda() else ON_ONE_MACHINE),
        idle=number("DB_IDLE_TIMEOUT", 30_000, least=0) / 1000,
        wait=number("DB_CONNECTION_TIMEOUT", 5_000) / 1000,
        # 0 switches a server-side limit off, as in PostgreSQL.
        statement_ms=number("DB_STATEMENT_TIMEOUT", 30_000, least=0),
        lock_ms=number("DB_LOCK_TIMEOUT", 10_000, least=0),
        transaction_idle_ms=number("DB_IDLE_IN_TRANSACTION_TIMEOUT", 15_000, least=0),
        proxy=environment.get("DB_PROXY", "").lower() in ("1", "true", "yes"),
        bundle=environment.get("DB_SSL_ROOT_CERT") or None,
        name=environment.get("AWS_LAMBDA_FUNCTION_NAME") or "lamppost",
    )
