"""The `.env` file of the working directory: settings of a developer's machine."""

import re
from pathlib import Path

from lamppost.errors import OperatorError

_LINE = re.compile(
    r"""(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
        (?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^"'\s#][^#]*?)?)
        (?:\s+\#.*)?\s*""",
    re.VERBOSE,
)
_ESCAPED = {"n": "\n", "t": "\t"}


def read(folder: str = ".") -> dict[str, str]:
    """The settings in `folder/.env`; none where there is no such file.

    A line is `NAME=value`, with or without quotes, `export` and a comment. Nothing is expanded.
    Raises `OperatorError` with the number of a line that is something else, and never its text:
    it may hold a password.
    """
    path = Path(folder) / ".env"
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as failure:
        raise OperatorError(
            f"{path} cannot be read: {failure}", fix="make it a UTF-8 file you may read"
        ) from None
    return parse(text, str(path))


def parse(text: str, path: str) -> dict[str, str]:
    """The settings in `text`; `path` is for errors only."""
    settings: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            raise OperatorError(
                f"{path}:{number} is not NAME=value",
                fix="write NAME=value; quote a value that holds # or quotes",
            )
        settings[match["name"]] = _value(match)
    return settings


def _value(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), match["double"])
    return match["single"] if match["single"] is not None else (match["bare"] or "")
