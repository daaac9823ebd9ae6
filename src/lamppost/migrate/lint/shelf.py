"""What one run has read, and which files of a folder hold a name.

Files are strings in here: a thousand Paths take as long to compare as their files to read.
"""

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from lamppost.migrate.lint.source import Refusal, content

if TYPE_CHECKING:
    from lamppost.migrate.lint.facts import Facts
    from lamppost.migrate.lint.model import Statement
    from lamppost.migrate.lint.parse import Unreadable

_WORD = re.compile(rb"[\w$]")
# Names that are one word, and what makes the words of a text: small letters, and blanks for what is none.
_PLAIN = re.compile(r"[\w$]+", re.ASCII)
_WORDS_ONLY = bytes(byte if _WORD.match(bytes([byte])) else 32 for byte in range(256)).lower()


class Library:
    """The bytes of files, each read once; and what was learned from them, by those who know how."""

    def __init__(self) -> None:
        self.done: dict[str, list[Statement | Unreadable]] = {}
        self.courses: dict[tuple[str, str | None, str], tuple[list[str], Facts]] = {}
        self._bytes: dict[str, bytes] = {}
        self._shelves: dict[tuple[str, bool], Shelf] = {}

    def content(self, path: str) -> bytes:
        """The bytes of a file. Raises `OSError` and `Refusal`."""
        if path not in self._bytes:
            self._bytes[path] = content(path)
        return self._bytes[path]

    def content_if_any(self, path: str) -> bytes | None:
        """The bytes of a file; None where it cannot be read, which is its own finding elsewhere."""
        try:
            return self.content(path)
        except (OSError, Refusal):
            return None

    def shelf(self, folder: str, *, deep: bool = False) -> "Shelf":
        """The `*.sql` of a folder; those below its folders too, if it is `deep`."""
        place = (folder, deep)
        if place not in self._shelves:
            self._shelves[place] = Shelf(sql_below(folder) if deep else sql_in(folder), self)
        return self._shelves[place]


class Shelf:
    """Files in their order, which are asked for a name."""

    def __init__(self, paths: list[str], library: Library) -> None:
        self.paths = paths
        self._library = library
        # The numbers of the files that hold a word, of the first `_indexed` ones.
        self._holders: dict[bytes, list[int]] = {}
        self._indexed = 0
        self._all: bytes | None = None
        self._starts: list[int] = []
        # The files that hold a name, and how far the text was searched for it.
        self._mentions: dict[str, tuple[list[str], int]] = {}

    def mentioning(self, name: str, before: str | None) -> list[str]:
        """The files that hold `name` as a word, in order; only those before `before`, if it is given."""
        if _PLAIN.fullmatch(name):
            last = len(self.paths) if before is None else bisect_left(self.paths, before)
            self._index(last)
            numbers = self._holders.get(name.lower().encode(), ())
            return [self.paths[number] for number in numbers if number < last]
        text = self._text()
        end = len(text) if before is None else self._starts[bisect_left(self.paths, before)]
        found, searched = self._mentions.get(name, ([], 0))
        if searched < end:
            found = [*found, *self._holding(name, searched, end)]
            self._mentions[name] = (found, end)
        return found if before is None else found[: bisect_left(found, before)]

    def _index(self, last: int) -> None:
        """Know the words of the files up to number `last`, each of which is read once."""
        for number in range(self._indexed, last):
            content = self._library.content_if_any(self.paths[number]) or b""
            for word in set(content.translate(_WORDS_ONLY).split()):
                self._holders.setdefault(word, []).append(number)
        self._indexed = max(self._indexed, last)

    def _holding(self, name: str, begin: int, end: int) -> Iterator[str]:
        text = self._text()
        wanted = name.lower().encode()
        # A quoted name of several words, or of letters beyond ASCII: few are, and searching is quick enough.
        at = text.find(wanted, begin, end)
        while at >= 0:
            after = at + 1
            if not _WORD.match(text, at + len(wanted)) and not (at and _WORD.match(text, at - 1)):
                place = bisect_right(self._starts, at) - 1
                yield self.paths[place]
                after = self._starts[place + 1]
            at = text.find(wanted, after, end)

    def _text(self) -> bytes:
        if self._all is None:
            texts = [(self._library.content_if_any(path) or b"").lower() for path in self.paths]
            self._all = b"\0".join(texts)
            self._starts = [0, *accumulate(len(text) + 1 for text in texts)]
        return self._all


def apart(path: str) -> tuple[str, str]:
    """A file's folder and its name."""
    folder, _, name = path.rpartition("/")
    return folder or ("/" if path.startswith("/") else "."), name


def sql_in(folder: str) -> list[str]:
    """The `*.sql` of a folder by name, spelled as the Path of one is; none where nobody may look."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(".sql") and entry.is_file()]
    except OSError:
        return []
    begin = "" if folder == "." else folder.rstrip("/") + "/"
    return [begin + name for name in sorted(names)]


def sql_below(folder: str) -> list[str]:
    """The `*.sql` of a folder and of those below it, in the order of their Paths."""
    # Links to folders are not followed: they may lead back.
    found = [place.removeprefix("./") for place, _, _ in os.walk(folder)]
    files = [file for place in found for file in sql_in(place)]
    return sorted(files, key=lambda file: file.replace("/", "\0"))
