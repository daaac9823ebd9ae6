"""How commands speak: to a person in words, to a program in JSON."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from lamppost.errors import LamppostError


def wants_json(asked: bool) -> bool:
    """JSON when it was asked for, and whenever nobody reads along."""
    return asked or not sys.stdout.isatty()


def show(value: Any, words: Callable[[], str], *, as_json: bool) -> None:
    """Print `value` as JSON or as `words`."""
    if wants_json(as_json):
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
    else:
        sys.stdout.write(words() + "\n")


def say_error(error: LamppostError) -> None:
    """What is wrong, how to mend it, and the code, on stderr."""
    if sys.stderr.isatty():
        lines = [f"\x1b[31merror\x1b[0m {safe(error.what)}"]
        if error.fix:
            lines.append(f"  \x1b[2mfix\x1b[0m {safe(error.fix)}")
        lines.append(f" \x1b[2mcode\x1b[0m {error.code}")
        sys.stderr.write("\n".join(lines) + "\n")
    else:
        sys.stderr.write(
            msgspec.json.encode({"error": error.what, "fix": error.fix, "code": error.code}).decode() + "\n"
        )


def safe(text: str) -> str:
    """`text` with control characters made visible: a name in a database must not drive the terminal."""
    return "".join(char if char in "\n\t" or char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def table(rows: Iterable[Sequence[object]], headings: Sequence[str]) -> str:
    """Plain aligned columns."""
    texts = [tuple(headings), *(tuple(safe(str(cell)) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(headings))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    ]
    return "\n".join(lines)
