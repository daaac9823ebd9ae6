"""What a package is made for: a Python, a processor, and the oldest C library it may ask for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from lamppost.errors import OperatorError

Machine = Literal["aarch64", "x86_64"]

# `e_machine` of an ELF file: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
ELF_MACHINES: dict[Machine, int] = {"x86_64": 62, "aarch64": 183}


class Target(msgspec.Struct, frozen=True):
    """`python` is a minor version (`3.13`), `glibc` the newest version of glibc there that may be needed."""

    python: str = "3.13"
    machine: Machine = "aarch64"
    glibc: tuple[int, int] = (2, 34)

    @property
    def platforms(self) -> tuple[str, ...]:
        """The tags of the wheels that load there, best first.

        manylinux2014 alone, as is often advised, would quietly choose older releases.
        """
        return tuple(f"{tag}_{self.machine}" for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014"))

    @property
    def minor(self) -> int:
        """The 13 of `3.13`."""
        return int(self.python.partition(".")[2])

    def __str__(self) -> str:
        return f"python{self.python}-{self.machine}"


# Lambda's python3.13 runs on Amazon Linux 2023, whose glibc is 2.34.
LAMBDA = Target()


def interpreter(target: Target) -> Path:
    """A Python of the target's minor version: it alone writes byte code the target can read.

    Raises `OperatorError` where this machine has none.
    """
    found = find_interpreter(target)
    if found is None:
        raise OperatorError(
            f"there is no Python {target.python} here to compile for it:"
            " without byte code a cold start takes 1.7 times the CPU",
            fix=f"install Python {target.python}, or name one in LAMPPOST_PYTHON=/path/to/python",
            code="pack_interpreter",
        )
    return found


def find_interpreter(target: Target) -> Path | None:
    """The same, or None."""
    return _interpreter(target.python)


@cache
def standard_modules(python: Path | None) -> frozenset[str]:
    """What every Python like `python` brings: the standard library loses modules over the years."""
    if python is None:
        return frozenset(sys.stdlib_module_names)
    ask = "import sys; print(*sys.stdlib_module_names)"
    return frozenset(subprocess.check_output([python, "-I", "-S", "-c", ask], text=True).split())


@cache
def _interpreter(minor: str) -> Path | None:
    return next((path for path in _candidates(minor) if _version(path) == minor), None)


def _candidates(minor: str) -> Iterator[Path]:
    if named := os.environ.get("LAMPPOST_PYTHON"):
        yield Path(named)
    yield Path(sys.executable)
    # Homes of pyenv and uv first: pyenv's shim on the PATH answers only for the version that is switched on.
    homes = (
        Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions",
        Path.home() / ".local/share/uv/python",
    )
    for home in homes:
        yield from sorted(home.glob(f"*{minor}*/bin/python{minor}"), reverse=True)
    if found := shutil.which(f"python{minor}"):
        yield Path(found)


def _version(path: Path) -> str | None:
    """`3.13` for a CPython that starts, None for what does not."""
    ask = "import sys; print(*sys.version_info[:2], sep='.')"
    try:
        asked = subprocess.run([path, "-I", "-S", "-c", ask], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return asked.stdout.strip() or None
