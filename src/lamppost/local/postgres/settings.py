"""How the embedded server is set: small when idle, durable, reachable from this machine only."""

import sys
from collections.abc import Mapping
from pathlib import Path

MEMORY = {
    # What is not touched takes no memory; a million greetings go through four indexes of random keys.
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "huge_pages": "off",
    # Two processes less: nothing replicates from one machine.
    "max_logical_replication_workers": "0",
}
BEHAVIOUR = {
    "max_connections": "100",
    # Whoever dies while logging in: CREATE and DROP DATABASE wait for him until this is over.
    "authentication_timeout": "5s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
    "fsync": "on",
    # A checkpoint within a burst has every page written to the log whole once more.
    "max_wal_size": "3GB",
    "password_encryption": "scram-sha-256",
    # A query here is short; compiling one takes longer than running it.
    "jit": "off",
    # A client that was killed lets go of its locks in half a second, not at the end of its statement.
    "client_connection_check_interval": "500ms",
    "shared_preload_libraries": "",
}
# PostgreSQL 18 starts three processes to read ahead; one machine's page cache does as well.
SINCE_18 = {"io_method": "sync"}
# After a crash every file is made durable before anybody is let in: one call to Linux instead of two thousand
# files, each opened and synced, took 0.3 s where those took 5.
LINUX = {"recovery_init_sync_method": "syncfs"}


def settings(major: int, changes: Mapping[str, str]) -> dict[str, str]:
    """All settings of a server of this major version; `changes` wins over what stands here."""
    chosen = MEMORY | BEHAVIOUR | (SINCE_18 if major >= 18 else {})
    if sys.platform == "linux":
        chosen |= LINUX
    chosen["listen_addresses"] = "127.0.0.1"
    # No Unix socket: nobody here uses one, and its lock file would outlive a power cut and refuse the next
    # start for as long as some process has the dead server's pid.
    chosen["unix_socket_directories"] = ""
    return chosen | dict(changes)


def arguments(program: str, data: Path, port: int, chosen: Mapping[str, str]) -> tuple[str, ...]:
    """The command line. It is also how a later start sees whether a running server is set the same way."""
    options = (word for name, value in sorted(chosen.items()) for word in ("-c", f"{name}={value}"))
    return (program, "-D", str(data), "-p", str(port), *options)
