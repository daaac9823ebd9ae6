"""Who we are to the database, and where it is.

Secret mode reads Secrets Manager (DB_SECRET_NAME or DB_SECRET_ARN): every deployed function, and
every local worker. Direct mode reads DB_HOST and its family, or DATABASE_URL, from the
environment or a `.env` file: a developer's script.
"""

import os
from collections.abc import Mapping

import msgspec

from lamppost.db import dotenv
from lamppost.errors import OperatorError
from lamppost.settings import source

PORT = 5432


class Credentials(msgspec.Struct, frozen=True):
    """What opens a connection. `secret` names where it was read, and `raw` is the text that was there.

    `host` may be a name, an address or the folder of a Unix socket. `repr` hides the password.
    """

    host: str
    port: int
    database: str
    user: str
    password: str
    secret: str | None = None
    raw: str | None = None

    def __repr__(self) -> str:
        place = f"{self.host}:{self.port}/{self.database}"
        return f"Credentials({self.user!r} at {place!r}, secret={self.secret!r})"


class _SecretText(msgspec.Struct):
    """What Secrets Manager keeps for a database; RDS itself writes only the first two."""

    username: str | None = None
    password: str | None = None
    host: str | None = None
    port: int | str | None = None
    dbname: str | None = None


def read() -> Credentials:
    """The credentials of this process. Raises `OperatorError` naming what is lacking."""
    settings = _settings()
    name = secret_name(settings)
    if name is not None:
        return from_secret(name, settings)
    return _direct(settings)


def read_again(refused: Credentials) -> Credentials | None:
    """The credentials that took the place of `refused`; None in direct mode, where nothing can change.

    Threads that were refused together share one reading of the secret. While a rotation has changed
    the server and not yet the secret, the version it prepared is tried.
    """
    if refused.secret is None or refused.raw is None:
        return None
    raw = source.secret(refused.secret, refused=refused.raw)
    if raw == refused.raw:
        raw = source.successor(refused.secret) or raw
    return from_text(refused.secret, raw, _settings())


def from_secret(name: str, settings: Mapping[str, str] | None = None) -> Credentials:
    """The credentials in the secret with this physical name or ARN."""
    return from_text(name, source.secret(name), os.environ if settings is None else settings)


def secret_name(settings: Mapping[str, str]) -> str | None:
    """The secret that secret mode reads; None means direct mode."""
    return settings.get("DB_SECRET_NAME") or settings.get("DB_SECRET_ARN") or None


def _settings() -> dict[str, str]:
    environment = dict(os.environ)
    # A deployed function has no `.env`, and must not read one that was shipped by mistake.
    return environment if secret_name(environment) else {**dotenv.read(), **environment}


def from_text(name: str, raw: str, settings: Mapping[str, str]) -> Credentials:
    """The credentials that are written in `raw`, a version of the secret `name`."""
    try:
        text = msgspec.json.decode(raw, type=_SecretText)
    except msgspec.DecodeError:
        # The decoder's sentence may quote the secret: it is neither told nor kept as the cause.
        raise OperatorError(
            f"secret {name!r} is not a database's JSON",
            fix='store {"username": "...", "password": "...", "host": "...", "port": 5432, "dbname": "..."}',
            code="secret_unreadable",
        ) from None
    host = text.host or settings.get("DB_HOST")
    database = text.dbname or settings.get("DB_NAME")
    lacking = [
        lack
        for lack, value in (
            ("username", text.username),
            ("password", text.password),
            ("host (or DB_HOST)", host),
            ("dbname (or DB_NAME)", database),
        )
        if not value
    ]
    if lacking or not (text.username and text.password and host and database):
        raise OperatorError(
            f"secret {name!r} lacks {', '.join(lacking)}",
            fix="add it to the secret's JSON; what stands in the environment fills its gaps",
            code="secret_incomplete",
        )
    port = _port(text.port if text.port is not None else settings.get("DB_PORT"), f"secret {name!r}")
    return Credentials(host, port, database, text.username, text.password, name, raw)


def _direct(settings: Mapping[str, str]) -> Credentials:
    if not settings.get("DB_HOST") and settings.get("DATABASE_URL"):
        return from_url(settings["DATABASE_URL"])
    lacking = [name for name in ("DB_HOST", "DB_NAME", "DB_USER") if not settings.get(name)]
    if lacking:
        raise OperatorError(
            f"no database is configured: {', '.join(lacking)} missing",
            fix="on AWS set DB_SECRET_NAME; on your machine DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD, "
            "or DATABASE_URL, in the shell or in .env",
            code="database_not_configured",
        )
    return Credentials(
        settings["DB_HOST"],
        _port(settings.get("DB_PORT"), "DB_PORT"),
        settings["DB_NAME"],
        settings["DB_USER"],
        settings.get("DB_PASSWORD", ""),
    )


def from_url(url: str) -> Credentials:
    """The credentials in a `postgresql://` URL. Its own sslmode is not heard: `db.tls` decides."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:
        # libpq's sentence quotes the URL, password and all.
        raise _bad_url("is not a PostgreSQL URL") from None
    lacking = [name for name in ("host", "dbname", "user") if not parts.get(name)]
    if lacking:
        raise _bad_url(f"lacks {', '.join(lacking)}")
    if "," in parts["host"]:
        raise _bad_url("names several hosts")
    return Credentials(
        parts["host"],
        _port(parts.get("port"), "DATABASE_URL"),
        parts["dbname"],
        parts["user"],
        parts.get("password", ""),
    )


def _bad_url(what: str) -> OperatorError:
    return OperatorError(
        f"DATABASE_URL {what}",
        fix="write it like postgresql://user:password@host:5432/database, with %-escapes in the password",
        code="database_not_configured",
    )


def _port(value: object, where: str) -> int:
    text = str(value or PORT)
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise OperatorError(
            f"the port in {where} is not a port", fix="use a number from 1 to 65535, such as 5432"
        )
    return int(text)
