"""One embedded PostgreSQL, supervised: started in milliseconds, found again after our own crash.

The server is a child in a session of its own, so Ctrl-C reaches us first and it outlives our death.
The next start finds it by its lock file and takes it over. A lock of ours keeps a second supervisor out.
"""

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from lamppost.errors import OperatorError
from lamppost.local.postgres import address, binaries, postmaster, template
from lamppost.local.postgres.account import Account, choose
from lamppost.local.postgres.lock import FolderLock
from lamppost.local.postgres.log import Log
from lamppost.local.postgres.settings import arguments, settings

# A server killed with -9 leaves backends that notice within seconds; until then a new one is refused.
LEFTOVERS = 15.0
POLL = 0.004


class Cluster:
    """A PostgreSQL server whose data lie in `folder`.

    `port` fixes the port; without it the port of the last run is kept while it is free. `changes` are
    settings that win over ours. `programs` names a bin folder instead of looking for one.
    """

    host = address.HOST
    user = template.USER

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        changes: Mapping[str, str] | None = None,
        programs: Path | None = None,
    ) -> None:
        self.folder = folder.expanduser().resolve()
        self.data = self.folder / "cluster"
        self.log = Log(self.folder / "log")
        self.adopted = False
        self.version = ""
        self._wanted_port = port
        self._changes = dict(changes or {})
        self._programs = programs
        self._account: Account | None = None
        self._address: address.Address | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._found: postmaster.Postmaster | None = None
        self._lock = FolderLock(self.folder)
        self._launched = 0.0

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1, known once launched."""
        return self._where().port

    @property
    def password(self) -> str:
        """The superuser's password, known once launched."""
        return self._where().password

    def dsn(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """A libpq URL to `database`: as the superuser, or as `user` with `password`."""
        return self._where().dsn(database, user=user, password=password)

    def launch(self) -> None:
        """Start the server, or take over the one that runs, without waiting until it serves.

        Raises `OperatorError`: no programs, no place to write, another supervisor, data of another version.
        """
        self._lock.take()
        try:
            self._account = choose(self._programs or binaries.find(), self.data)
            self.version = self._account.binaries.version
            self._prepare(self._account)
            self._found = self._adopt(self._account)
            self.adopted = self._found is not None
            if self._found is None:
                self._spawn()
        except BaseException:
            self._lock.release()
            raise
        self._launched = time.monotonic()

    def ready(self, timeout: float = 20.0) -> None:
        """Wait until the server accepts connections. Raises `OperatorError` with its last log lines."""
        deadline = time.monotonic() + timeout
        while not postmaster.accepts(self.data, self._pid()):
            if not self.alive():
                self._start_again()
            elif time.monotonic() > deadline:
                self.stop()
                raise self._failed(f"PostgreSQL was not ready within {timeout:.0f} s")
            time.sleep(POLL)
        # Others know its address from now on: should it die, it comes back to the same port or not at all.
        self._wanted_port = self.port

    def alive(self) -> bool:
        """Whether the server process runs. When it does not, `launch()` starts another."""
        if self._child is not None:
            return self._child.poll() is None
        return self._found is not None and self._found.running()

    def stop(self) -> None:
        """Stop the server: clients are sent away, everything committed is on disk. Safe to call twice."""
        if self._child is not None:
            _stop_child(self._child)
            self._child = None
        if self._found is not None:
            self._found.stop()
            self._found = None
        self._lock.release()

    def leave(self) -> None:
        """Let go of the server and leave it running; the next `launch()` on this folder takes it over."""
        self._child = None
        if self._found is not None:
            self._found.close()
            self._found = None
        self._lock.release()

    def _prepare(self, account: Account) -> None:
        major = self.data / "PG_VERSION"
        known = address.read(self.folder)
        if not major.exists():
            known = self._create(account)
        elif known is None:
            raise OperatorError(
                f"{self.folder / address.FILE} is missing or damaged;"
                f" it alone holds the password of {self.data}",
                fix=f"bring the file back, or move {self.data} away to start with an empty database",
                code="postgres_address_lost",
            )
        self._check_version(account, int(major.read_text()))
        self._address = known

    def _create(self, account: Account) -> address.Address:
        """A new cluster. Its password is written down before it stands in its place, so no crash loses it."""
        beside = self.folder / "cluster.new"
        shutil.rmtree(beside, ignore_errors=True)
        password = template.create(account, beside)
        if account.owner:
            self.folder.chmod(0o711)
        made = address.Address(self._wanted_port or address.free_port(), password)
        address.write(self.folder, made)
        beside.rename(self.data)
        return made

    def _check_version(self, account: Account, major: int) -> None:
        if major != account.binaries.major:
            raise OperatorError(
                f"the data in {self.data} belong to PostgreSQL {major},"
                f" and the programs in {account.binaries.folder} are PostgreSQL {account.binaries.version}",
                fix=f"point {binaries.BINDIR} at the bin folder of a PostgreSQL {major},"
                f" or move {self.data} away to start with an empty database",
                code="postgres_version",
            )

    def _adopt(self, account: Account) -> postmaster.Postmaster | None:
        """The server that outlived our predecessor, if it is set as we would set it; else it is stopped."""
        found = postmaster.find(self.data)
        if found is None:
            postmaster.forget_impostor(self.data)
            return None
        port = postmaster.port(self.data)
        if port is not None and port == (self._wanted_port or port):
            self._move_to(port)
            if found.command == self._command(account):
                return found
        found.stop()
        return None

    def _spawn(self) -> None:
        account = self._account
        if account is None:
            raise RuntimeError("launch() comes first")
        where = self._where()
        self._move_to(self._wanted_port or address.free_port(where.port))
        with self.log.opened() as file:
            self._child = subprocess.Popen(
                (*account.prefix, *self._command(account)),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                **account.options,
            )

    def _start_again(self) -> None:
        """The server ended before it was ready: try again where that helps, else say what it said."""
        waited = time.monotonic() - self._launched
        if self._found is not None:
            self._found.close()
            self._found = None
            self.adopted = False
        elif self.log.blames_leftovers() and waited < LEFTOVERS:
            time.sleep(POLL * 10)
        elif not (self.log.blames_port() and self._wanted_port is None and waited < LEFTOVERS):
            self._child = None
            self._lock.release()
            raise self._failed("PostgreSQL did not start")
        postmaster.forget_impostor(self.data)
        self._spawn()

    def _command(self, account: Account) -> tuple[str, ...]:
        chosen = settings(account.binaries.major, self._changes)
        return arguments(account.program("postgres"), self.data, self.port, chosen)

    def _move_to(self, port: int) -> None:
        where = self._where()
        if where.port != port:
            self._address = msgspec.structs.replace(where, port=port)
            address.write(self.folder, self._address)

    def _where(self) -> address.Address:
        if self._address is None:
            raise RuntimeError("launch() comes first: before it, a cluster has no address")
        return self._address

    def _pid(self) -> int:
        if self._child is not None:
            return self._child.pid
        return self._found.pid if self._found is not None else 0

    def _failed(self, what: str) -> OperatorError:
        said = self.log.tail()
        taken = self.log.blames_port()
        return OperatorError(
            f"{what}. It said:\n{said.rstrip() or '(nothing)'}",
            fix=f"free port {self.port}, or choose another"
            if taken
            else f"read {self.log.path}, mend, start again",
            code="postgres_port" if taken else "postgres_start",
        )


def _stop_child(child: subprocess.Popen[bytes]) -> None:
    for number, seconds in postmaster.STOPS:
        child.send_signal(number)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return
