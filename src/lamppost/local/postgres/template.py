"""A new cluster in a tenth of a second: `initdb` runs once per version, later clusters are copies.

The cache holds a finished cluster and its superuser's password, readable by its owner only. A copy or a
template is made beside its place and renamed there, so neither a crash half way nor a second starter is seen.
"""

import hashlib
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from lamppost.errors import OperatorError
from lamppost.local.postgres.account import Account, environment

OPTIONS = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-instructions",
)
USER = "lamppost"
ABANDONED = 3600.0


def cache() -> Path | None:
    """`$XDG_CACHE_HOME/lamppost`, by default below the home folder; None where there is no home."""
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(named) if named else Path.home() / ".cache") / "lamppost"
    except RuntimeError:
        return None


def create(account: Account, data: Path) -> str:
    """Make a cluster at `data`, which must not exist, and return the password of its superuser."""
    template = None if account.owner else _template(account)
    if template is None:
        password = secrets.token_urlsafe(24)
        initdb(account, data, password)
        return password
    _run(data, ("cp", "-a", str(template / "data"), str(data)), env=environment())
    # The server's own fsync covers what it writes; a power cut must find the copied files as well.
    _run(data, account.command("initdb", "--sync-only", "-D", str(data)), **account.options)
    return (template / "password").read_text()


def initdb(account: Account, data: Path, password: str) -> None:
    """Run `initdb`. The password travels on a pipe: not on a command line, not through a file."""
    if account.owner:
        data.mkdir(mode=0o700)
        os.chown(data, *account.owner)
    reader, writer = os.pipe()
    try:
        if account.owner:
            # The child opens the pipe anew, by name, and needs the right to.
            os.fchown(reader, *account.owner)
        os.write(writer, f"{password}\n".encode())
        os.close(writer)
        given = ("-D", str(data), "-U", USER, f"--pwfile=/dev/fd/{reader}", *OPTIONS)
        _run(data, account.command("initdb", *given), pass_fds=(reader,), **account.options)
    finally:
        os.close(reader)


def _run(data: Path, command: tuple[str, ...], **options: Any) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, **options)
    except subprocess.CalledProcessError as failed:
        said = failed.stderr.decode(errors="replace").strip()
        raise OperatorError(
            f"a database cluster could not be made in {data}: {said}",
            fix="make room on the disk, or choose another folder with --data",
            code="postgres_initdb",
        ) from failed


def _template(account: Account) -> Path | None:
    home = cache()
    if home is None:
        return None
    key = hashlib.sha256(repr((account.binaries.version, OPTIONS, USER)).encode()).hexdigest()[:12]
    template = home / f"postgres-{account.binaries.version}-{key}"
    if _whole(template):
        return template
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(home)
        beside = home / f".making-{os.getpid()}-{secrets.token_hex(4)}"
        beside.mkdir(mode=0o700)
    except OSError:
        # No cache to write to (a read-only home): each cluster is made by initdb itself.
        return None
    _make(account, beside)
    return _place(beside, template)


def _make(account: Account, folder: Path) -> None:
    password = secrets.token_urlsafe(24)
    initdb(account, folder / "data", password)
    (folder / "password").touch(mode=0o600)
    (folder / "password").write_text(password)


def _place(beside: Path, template: Path) -> Path:
    try:
        beside.rename(template)
    except OSError:
        if _whole(template):
            # Another starter was first; ours is not needed.
            shutil.rmtree(beside, ignore_errors=True)
            return template
        # A cache cleaner left a part of one: put it aside, it is nobody's data.
        template.rename(beside.with_name(f"{beside.name}-broken"))
        shutil.rmtree(beside.with_name(f"{beside.name}-broken"), ignore_errors=True)
        beside.rename(template)
    return template


def _whole(template: Path) -> bool:
    return all(
        (template / part).is_file() for part in ("password", "data/PG_VERSION", "data/global/pg_control")
    )


def _sweep(home: Path) -> None:
    """Remove what starters that died left behind."""
    for left in home.glob(".making-*"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)
