"""One file's bytes become text, or the reason why they cannot."""

import os
import re
import stat
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

_ENDS = re.compile(rb"\r\n|\r|\n")
_ENDS_IN_TEXT = re.compile(r"\r\n|\r|\n")
# A tree takes sixty times the memory of its text. What is larger than this is data, not a migration.
_LARGEST = 16_000_000


class Refusal(Exception):
    """A file that cannot be read as a migration: where, why, and what to do."""

    def __init__(self, line: int, message: str, instead: str) -> None:
        super().__init__(message)
        self.line, self.message, self.instead = line, message, instead


def content(path: str) -> bytes:
    """The bytes of a file. Raises `OSError`, and `Refusal` for a pipe, a device and what is too large."""
    # Opening a pipe would wait for whoever writes into it, for ever if need be.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(number, "rb", buffering=0) as file:
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode):
            raise Refusal(1, "this is no file, but a pipe or a device", "remove it, or do not name it")
        if about.st_size > _LARGEST:
            raise Refusal(
                1,
                f"{about.st_size // 1_000_000} MB are too many for a migration",
                "bring in the data in a job; keep here what changes tables",
            )
        return file.readall()


class Source:
    """The text of a file, and the line of each byte in it."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.text = _decoded(raw)

    @cached_property
    def _starts(self) -> list[int]:
        # Three times as fast as looking for the ends with a regular expression.
        starts = [0, *accumulate(map(len, self.raw.splitlines(keepends=True)))]
        if self.raw[-1:] not in b"\r\n":
            starts.pop()
        return starts

    @cached_property
    def _starts_in_text(self) -> list[int]:
        return [0, *(end.end() for end in _ENDS_IN_TEXT.finditer(self.text))]

    def line(self, offset: int) -> int:
        """The line (from 1) in which the byte at `offset` stands. A lone carriage return ends a line."""
        return bisect_right(self._starts, offset)

    def line_of_character(self, index: int) -> int:
        """The line in which the character at `index` stands."""
        return bisect_right(self._starts_in_text, index)


def _decoded(raw: bytes) -> str:
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or raw[1:8:2] == b"\0\0\0\0" or raw[0:8:2] == b"\0\0\0\0":
        raise Refusal(1, "the file is UTF-16, which PostgreSQL cannot read", "save it as UTF-8 without BOM")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Refusal(
            1,
            "the file begins with a byte order mark, which PostgreSQL takes for a letter",
            "save it as UTF-8 without BOM",
        )
    if (at := raw.find(b"\0")) >= 0:
        raise Refusal(
            len(_ENDS.findall(raw[:at])) + 1,
            "a NUL byte: everything after it would be left out, and success reported",
            "remove the byte",
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as unreadable:
        line = len(_ENDS.findall(raw[: unreadable.start])) + 1
        raise Refusal(line, "the file is not UTF-8", "save it as UTF-8") from unreadable
