"""`lamppost db shell --stage`: psql at the end of a way that Systems Manager opens."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from lamppost.cloud.tunnel import Login, Way


def open_shell(database: str, env: str, *, write: bool, admin: bool, only_print: bool) -> int:
    """Open psql on a database of the stage `env`, as its app role; psql's exit code.

    `only_print` prints the session's command instead. Raises `OperatorError` for what is missing.
    """
    from lamppost.cloud import account, stages, tunnel

    if admin:
        raise OperatorError(
            "the administrator's password of a stage is RDS's to keep, and the migrator's to read",
            fix="leave --admin out; what changes tables is a migration",
            code="not_the_administrator",
        )
    root = Path.cwd()
    stage = stages.choose(stages.read(root / stages.FILE), env)
    secret = _secret(root, database)
    if not only_print:
        tunnel.programs()
    account.caller(stage)
    found = tunnel.way(stage)
    if only_print:
        sys.stdout.write(shlex.join(found.command()) + "\n")
        return 0
    who = tunnel.login(stage, secret)
    with tunnel.opened(found):
        return _psql(found, who, write=write)


def _secret(root: Path, database: str) -> str:
    from lamppost.pack.discover import discover

    databases = discover(root).databases()
    if database not in databases:
        raise OperatorError(
            f"there is no database {database!r}",
            fix=f"one of: {', '.join(databases)}",
            code="no_such_database",
        )
    return databases[database][0].secret


def _psql(found: "Way", who: "Login", *, write: bool) -> int:
    from psycopg.conninfo import make_conninfo

    from lamppost.db import tls

    psql = shutil.which("psql")
    if psql is None:
        from lamppost.local.postgres.binaries import find

        psql = str(find() / "psql")
    # The name is the server's own, so that its certificate is checked; the address is this end of the way.
    place = make_conninfo(
        host=found.host,
        hostaddr="127.0.0.1",
        port=found.port,
        dbname=who.dbname,
        user=who.username,
        **tls.parameters(found.host),
    )
    environment = {
        **os.environ,
        "PGPASSWORD": who.password,
        "PGOPTIONS": "" if write else "-c default_transaction_read_only=on",
    }
    # Ctrl-C belongs to psql, which cancels a query with it.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run([psql, place], env=environment, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
