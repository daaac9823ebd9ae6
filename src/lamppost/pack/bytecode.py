"""Byte code beside its source, made by the target's own interpreter.

A function's folder cannot be written, so a Lambda that finds no byte code compiles at every cold start.
The sources go along: a traceback without its lines helps nobody, and they are a third of the zip.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from lamppost.errors import AuthorError
from lamppost.pack.zips import unzipped, zipped

_SCRIPT = Path(__file__).with_name("compiling.py")


def compiled(files: Mapping[str, bytes], python: Path, *, place: str, own: str) -> dict[str, bytes]:
    """The byte code of every `.py` of `files`, which will lie below `place`.

    Raises `AuthorError` when a file whose path begins with `own` does not compile; another's is left out.
    """
    sources = {name: content for name, content in files.items() if name.endswith(".py")}
    done = subprocess.run(
        [python, "-s", "-S", "-W", "ignore", _SCRIPT, place],
        input=zipped(sources, level=0),
        capture_output=True,
        env={"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    if done.returncode:
        raise AuthorError(
            f"{python} does not compile: {done.stderr.decode('utf-8', 'replace').strip()}",
            fix="name another in LAMPPOST_PYTHON",
            code="pack_compile",
        )
    made = unzipped(done.stdout)
    errors = made.pop("!errors").decode().splitlines()
    if wrong := [error for error in errors if error.startswith(own)]:
        raise AuthorError(
            f"{python.name} does not compile {wrong[0]}", fix="mend the line named", code="pack_compile"
        )
    return made
