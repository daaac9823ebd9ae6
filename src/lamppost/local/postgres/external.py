"""A PostgreSQL that somebody else runs (`--postgres URL`): looked at first, never started or stopped."""

from typing import Any
from urllib.parse import urlencode

from lamppost.errors import OperatorError
from lamppost.local.postgres.address import url
from lamppost.local.postgres.binaries import major_of

OLDEST = 15
RIGHTS = "select rolsuper or (rolcreatedb and rolcreaterole) from pg_roles where rolname = current_user"


class External:
    """The server behind a libpq URL or conninfo, with the interface of `Cluster`."""

    adopted = False

    def __init__(self, conninfo: str) -> None:
        from psycopg import Error
        from psycopg.conninfo import conninfo_to_dict

        try:
            self._parts: dict[str, Any] = dict(conninfo_to_dict(conninfo))
        except Error as wrong:
            # Not the text itself: it may hold a password.
            raise OperatorError(
                "the value of --postgres is neither a postgresql:// URL nor a libpq connection string",
                fix="write it like postgresql://user:password@host:5432/postgres",
                code="postgres_url",
            ) from wrong
        self.host = str(self._parts.pop("host", "localhost"))
        self.port = int(str(self._parts.pop("port", 5432)))
        self.user = str(self._parts.pop("user", "postgres"))
        self.password = str(self._parts.pop("password", ""))
        self._database = str(self._parts.pop("dbname", "postgres"))
        self.version = ""

    def dsn(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """A libpq URL to `database`: as the given administrator, or as `user` with `password`."""
        name, key = (self.user, self.password) if user is None else (user, password or "")
        plain = url(self.host, self.port, name, key, database)
        return f"{plain}?{urlencode(self._parts)}" if self._parts else plain

    def launch(self) -> None:
        """Nothing: it runs already."""

    def ready(self, timeout: float = 20.0) -> None:
        """Connect once and look. Raises `OperatorError`: no answer, too old, or too few rights."""
        import psycopg

        place = f"{self.host}:{self.port}"
        try:
            with psycopg.connect(
                self.dsn(self._database), connect_timeout=max(2, int(timeout))
            ) as connection:
                self.version = connection.info.parameter_status("server_version") or ""
                allowed = connection.execute(RIGHTS).fetchone()
        except psycopg.OperationalError as refused:
            raise OperatorError(
                f"the PostgreSQL at {place} does not let {self.user!r} in: {str(refused).strip()}",
                fix="check the host, port, user and password of --postgres",
                code="postgres_unreachable",
            ) from refused
        if major_of(self.version) < OLDEST:
            raise OperatorError(
                f"the PostgreSQL at {place} is {self.version}; Lamppost needs {OLDEST} or later",
                fix="upgrade it, or leave --postgres out and use the embedded one",
                code="postgres_version",
            )
        if not allowed or not allowed[0]:
            raise OperatorError(
                f"the role {self.user!r} at {place} may not create databases and roles",
                fix=f'let an administrator run: alter role "{self.user}" createdb createrole',
                code="postgres_rights",
            )

    def alive(self) -> bool:
        """Always: watching it is its owner's business."""
        return True

    def stop(self) -> None:
        """Nothing: it is not ours to stop."""
