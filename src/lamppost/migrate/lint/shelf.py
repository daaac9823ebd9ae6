"""What one run has read, and the files of a folder as one text that can be searched."""

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from lamppost.migrate.lint.source import Refusal, content

if TYPE_CHECKING:
    from lamppost.migrate.lint.model import Statement
    from lamppost.migrate.lint.parse import Unreadable

_WORD = re.compile(rb"[\w$]")


class Library:
    """The bytes of files, each read once; and what those files do, for whoever has worked it out."""

    def __init__(self) -> None:
        self.done: dict[Path, list[Statement | Unreadable]] = {}
        self._bytes: dict[Path, bytes] = {}
        self._shelves: dict[tuple[Path, str], Shelf] = {}

    def content(self, path: Path) -> bytes:
        """The bytes of a file. Raises `OSError` and `Refusal`."""
        if path not in self._bytes:
            self._bytes[path] = content(path)
        return self._bytes[path]

    def content_or_nothing(self, path: Path) -> bytes:
        """The bytes of a file; none where it cannot be read, which is its own finding elsewhere."""
        return self.content(path) if self.readable(path) else b""

    def readable(self, path: Path) -> bool:
        """Whether a file has bytes to read."""
        try:
            self.content(path)
        except (OSError, Refusal):
            return False
        return True

    def shelf(self, folder: Path, pattern: str) -> "Shelf":
        """The folder's files."""
        place = (folder, pattern)
        if place not in self._shelves:
            self._shelves[place] = Shelf(folder, pattern, self)
        return self._shelves[place]


class Shelf:
    """All files of a folder, so that a thousand are searched for a name at once."""

    def __init__(self, folder: Path, pattern: str, library: Library) -> None:
        self.paths = tuple(sorted(path for path in folder.glob(pattern) if path.is_file()))
        self._library = library
        self._all: bytes | None = None
        self._starts: list[int] = []

    def mentioning(self, name: str, before: Path | None) -> list[Path]:
        """The files that hold `name` as a word, in order; only those before `before`, if it is given."""
        text = self._text()
        end = len(text)
        if before is not None:
            at = bisect_left(self.paths, before)
            end = self._starts[at] if at < len(self.paths) else end
        wanted = name.lower().encode()
        found: set[int] = set()
        # bytes.find runs through a megabyte in no time; a regular expression with word borders does not.
        at = text.find(wanted, 0, end)
        while at >= 0:
            if not _WORD.match(text, at + len(wanted)) and not (at and _WORD.match(text, at - 1)):
                found.add(bisect_right(self._starts, at) - 1)
            at = text.find(wanted, at + 1, end)
        return [self.paths[place] for place in sorted(found)]

    def _text(self) -> bytes:
        if self._all is None:
            texts = [self._library.content_or_nothing(path).lower() for path in self.paths]
            self._all = b"\0".join(texts)
            self._starts = [0, *accumulate(len(text) + 1 for text in texts)][:-1]
        return self._all
