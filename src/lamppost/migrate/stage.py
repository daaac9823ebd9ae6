"""A stage's databases as the migrator function finds them: files in its package, secrets by their names."""

import os
from pathlib import Path

import msgspec
from psycopg.conninfo import make_conninfo

from lamppost.db import connect, credentials
from lamppost.db.bounds import Bounds
from lamppost.declare import names
from lamppost.derive.manifest import DatabaseEntry, Manifest, ServiceEntry, read
from lamppost.errors import OperatorError
from lamppost.migrate.files import discover
from lamppost.migrate.provision import roles
from lamppost.migrate.rollout import Place
from lamppost.settings import package, source, stage

# Fail soon where no route leads: CloudFormation waits for the answer, and an operator for CloudFormation.
PATIENCE = 10


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A system in a stage: what it declares, and where its package was unpacked.

    `administrator` is the physical name (or ARN) of the secret that opens the server, `host` where that is if
    the secret does not say, as RDS's own does not, and `certificates` a PEM file in place of those shipped.
    """

    manifest: Manifest
    root: Path
    env: str
    administrator: str
    host: str | None = None
    certificates: str | None = None

    @classmethod
    def here(cls) -> "Stage":
        """The stage this function was deployed to. Raises `OperatorError` where no administrator is named."""
        administrator = os.environ.get("DB_ADMIN_SECRET_NAME")
        if not administrator:
            raise OperatorError(
                "DB_ADMIN_SECRET_NAME is not set",
                fix="declare the function with migrates=True; `lamppost synth` and `lamppost up` set it",
                code="migrator_administrator",
            )
        return cls(
            manifest=read(package.manifest().read_bytes()),
            root=package.root(),
            env=stage.env(),
            administrator=administrator,
            host=os.environ.get("DB_HOST") or None,
            certificates=os.environ.get("DB_SSL_ROOT_CERT") or None,
        )

    def places(self) -> list[Place]:
        """Every database with its files. Raises `OperatorError` when a secret is missing or unfit."""
        return [self._place(database, services) for database, services in self.manifest.databases().values()]

    def place_of(self, secret: str) -> Place | None:
        """The database that the secret with this physical name opens."""
        for database, services in self.manifest.databases().values():
            if names.physical(database.secret, self.env) == secret:
                return self._place(database, services)
        return None

    def _place(self, database: DatabaseEntry, services: tuple[ServiceEntry, ...]) -> Place:
        folders = [(service.name, self.root / service.folder / "migrations") for service in services]
        return Place(
            database=database.name,
            bundle=discover(folders),
            conninfo=self._conninfo(database.name),
            server=self._conninfo("postgres"),
            password=self._password(database),
            pending=self._pending(database),
        )

    def _password(self, database: DatabaseEntry) -> str:
        secret = names.physical(database.secret, self.env)
        # What a warm function remembers may be older than a rotation, and would be given to the role again.
        source.secret(secret, fresh=True)
        # The secret of a database that is still to be made need not say where it is.
        app = credentials.from_secret(secret, {"DB_NAME": database.name, "DB_HOST": "-"})
        wanted = roles(database.name).app
        if app.user != wanted:
            raise OperatorError(
                f"secret {secret!r} is for {app.user!r}, and the role of {database.name!r} is {wanted!r}",
                fix="correct the secret's username",
                code="migrator_app_role",
            )
        return app.password

    def _pending(self, database: DatabaseEntry) -> str | None:
        secret = names.physical(database.secret, self.env)
        prepared = source.successor(secret, fresh=True)
        where = {"DB_NAME": database.name, "DB_HOST": "-"}
        return credentials.from_text(secret, prepared, where).password if prepared else None

    def _conninfo(self, database: str) -> str:
        where = {"DB_NAME": database, "DB_HOST": self.host or ""}
        who = credentials.from_secret(self.administrator, where)
        bounds = Bounds(bundle=self.certificates, name="lamppost migrate")
        # The limits of a function's short statements are not for migrations: apply sets its own.
        given = connect.parameters(who, bounds) | {"options": "", "dbname": database}
        return make_conninfo(**given, connect_timeout=PATIENCE)
