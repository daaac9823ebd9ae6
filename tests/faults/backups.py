"""Backups of a local system as RDS keeps them: a snapshot, all that was written since, and the way back.

`pg_basebackup` is the daily snapshot, `pg_receivewal` carries every change to the same place as it is
written. RDS does the latter every five minutes, so there the newest five may be missing.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from lamppost.local.postgres import address, binaries
from lamppost.local.postgres.cluster import Cluster
from tests.running import House, until

_SLOT = "backups"
_KEPT = """
select exists (select
                 from pg_stat_replication
                where application_name = 'pg_receivewal' and state = 'streaming'
                  and flush_lsn >= %s::pg_lsn)"""
# With hot_standby the server would say that it is ready as soon as it can be read.
_RECOVERY = """
hot_standby = off
restore_command = 'cp "{log}/%f" "%p" || cp "{log}/%f.partial" "%p"'
recovery_target_time = '{at}'
recovery_target_action = 'promote'
"""


class Backups:
    """What is kept of `house`, below `folder`."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self._base = folder / "base"
        self._log = folder / "log"
        self._folder = folder
        self._log.mkdir(parents=True)
        self._live = house.data / "postgres" / "cluster"

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Keep every change from here on, until the block ends or the server does."""
        # Without a slot the snapshot's checkpoint may remove what was not read yet.
        slot = [_program("pg_receivewal"), "-S", _SLOT, *self._server()]
        subprocess.run([*slot, "--create-slot", "--if-not-exists"], env=self._environment(), check=True)
        command = [*slot, "-D", str(self._log), "--synchronous", "--no-loop"]
        with (self._folder / "followed").open("wb") as said:
            follower = subprocess.Popen(command, env=self._environment(), stdout=said, stderr=said)
        try:
            self.caught_up()
            yield
        finally:
            follower.send_signal(signal.SIGINT)
            follower.wait(20)

    def caught_up(self) -> None:
        """Wait until all that is committed now is kept."""
        with self.house.database("postgres") as database:
            (here,) = database.execute("select pg_current_wal_flush_lsn()").fetchone() or (None,)
            try:
                until(lambda: database.execute(_KEPT, (here,)).fetchone() == (True,), within=60)
            except AssertionError as late:
                late.add_note((self._folder / "followed").read_text())
                raise

    def snapshot(self) -> None:
        """All databases of this moment, while the system goes on."""
        command = [
            _program("pg_basebackup"),
            "-D",
            str(self._base),
            "--checkpoint=fast",
            "--no-sync",
            *self._server(),
        ]
        subprocess.run(command, env=self._environment(), check=True, capture_output=True)

    def restore(self, at: datetime | None = None) -> float:
        """Stop the system, give it the snapshot for its data, and start it; how many seconds that took.

        With `at`, what was committed until then is in as well. The damaged data stay beside.
        """
        begun = time.monotonic()
        self.house.down()
        self._live.rename(self._folder / "damaged")
        _copy(self._base, self._live)
        if at is not None:
            with (self._live / "postgresql.auto.conf").open("a") as file:
                file.write(_RECOVERY.format(log=self._log, at=at.isoformat()))
            (self._live / "recovery.signal").touch()
        self.house.up()
        return time.monotonic() - begun

    @contextmanager
    def beside(self) -> Iterator[Cluster]:
        """The snapshot as a server of its own, as RDS restores it, while the damaged one goes on."""
        folder = self._folder / "beside"
        _copy(self._base, folder / "cluster")
        known = address.read(self.house.data / "postgres")
        assert known is not None
        address.write(folder, address.Address(address.free_port(), known.password, known.user))
        server = Cluster(folder)
        server.launch()
        try:
            server.ready()
            yield server
        finally:
            server.stop()

    def forget(self) -> None:
        """Make room."""
        shutil.rmtree(self._folder)

    def _server(self) -> tuple[str, ...]:
        known = self._address()
        return ("-h", known.host, "-p", str(known.port), "-U", known.user)

    def _environment(self) -> dict[str, str]:
        return os.environ | {"PGPASSWORD": self._address().password}

    def _address(self) -> address.Address:
        known = address.read(self.house.data / "postgres")
        assert known is not None
        return known


def move(database: str, source: str, target: str) -> None:
    """Copy `database` from one server to another, into a database of this name that is there and empty.

    `source` and `target` are administrators' URLs of servers, without a database.
    """
    dump = subprocess.Popen(
        [_program("pg_dump"), "-Fc", "-d", f"{source}/{database}"], stdout=subprocess.PIPE
    )
    load = [_program("pg_restore"), "--exit-on-error", "-d", f"{target}/{database}_restored"]
    done = subprocess.run(load, stdin=dump.stdout, capture_output=True, text=True, check=False)
    assert (dump.wait(), done.returncode) == (0, 0), done.stderr


def _program(name: str) -> str:
    return str(binaries.find() / name)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)
