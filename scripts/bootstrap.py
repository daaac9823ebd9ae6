"""Makes .venv from a lock file; started by scripts/install when something is missing.

The packages come with hashes, through uv when it works and else pip. Lamppost itself is put
on the path with a .pth file: an editable install would fetch a build backend, unlocked and from
the network, to write that same line. An installation that was cut short is made anew; what it
had downloaded is in the installer's cache.
"""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / "unfinished"

# Not `#!{python}`: a folder's name may hold spaces or be longer than the kernel reads.
COMMAND = """#!/bin/sh
'''exec' "$(dirname "$0")/python" "$0" "$@"
' '''
import sys
from lamppost.cli.main import main
sys.exit(main())
"""


def main(want: str) -> None:
    """Install `requirements/<want>.txt`; two at once take turns."""
    lock = ROOT / "requirements" / f"{want}.txt"
    with lock.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if UNFINISHED.exists() or not usable():
            shutil.rmtree(VENV, ignore_errors=True)
        say(f"Installing {lock.relative_to(ROOT)} into .venv")
        VENV.mkdir(exist_ok=True)
        UNFINISHED.touch()
        install = installer()
        run([*install, "--require-hashes", "--only-binary", ":all:", "--requirement", str(lock)])
        introduce()
        UNFINISHED.unlink()


def usable() -> bool:
    """Whether .venv is of this Python and of this folder."""
    asked = [str(PYTHON), "-c", "import sys; print(sys.prefix, *sys.version_info[:2])"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer == f"{VENV} {sys.version_info[0]} {sys.version_info[1]}"


def installer() -> list[str]:
    """The command that installs into .venv, which is made when it is missing."""
    uv = shutil.which("uv")
    if uv and subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0:
        make_venv("--without-pip")
        return [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    if (VENV / "bin" / "pip").exists() or importlib.util.find_spec("ensurepip"):
        make_venv()
        return [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if importlib.util.find_spec("pip"):
        make_venv("--without-pip")
        outer = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet"]
        return [*outer, "--disable-pip-version-check"]
    raise SystemExit("This python3 cannot make environments. On Debian and Ubuntu: apt install python3-venv")


def make_venv(*how: str) -> None:
    """Make .venv unless it stands."""
    if not PYTHON.exists():
        run([sys.executable, "-m", "venv", *how, str(VENV)])


def introduce() -> None:
    """Put src/ on .venv's path and the `lamppost` command beside its Python."""
    packages = next((VENV / "lib").glob("python3.*")) / "site-packages"
    (packages / "lamppost.pth").write_text(f"{ROOT / 'src'}\n")
    command = VENV / "bin" / "lamppost"
    command.write_text(COMMAND)
    command.chmod(0o755)


def run(command: list[str]) -> None:
    """Run, and end with what it said when it fails."""
    ended = subprocess.run(command, env={**os.environ, "PYTHONNOUSERSITE": "1"}, check=False)
    if ended.returncode != 0:
        raise SystemExit(f"`{Path(command[0]).name}` failed; mend what it says above and run the same again")


def say(line: str) -> None:
    """One line to whoever waits."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(sys.argv[1])
