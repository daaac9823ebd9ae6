"""What earlier files did: read only when a rule asks, and only those that mention what it asks about."""

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from pathlib import Path

from lamppost.migrate.lint.facts import Facts
from lamppost.migrate.lint.model import Statement
from lamppost.migrate.lint.parse import Unreadable, parse
from lamppost.migrate.lint.source import Refusal, Source, content
from lamppost.migrate.lint.translate import Translator

_WORD = re.compile(rb"[\w$]")


class Library:
    """What one run has read: the bytes of files, and what they do."""

    def __init__(self) -> None:
        self._bytes: dict[Path, bytes] = {}
        self._shelves: dict[tuple[Path, str], Shelf] = {}
        self._done: dict[Path, list[Statement | Unreadable]] = {}

    def content(self, path: Path) -> bytes:
        """The bytes of a file, read once. Raises `OSError` and `Refusal`."""
        if path not in self._bytes:
            self._bytes[path] = content(path)
        return self._bytes[path]

    def size(self, path: Path) -> int:
        """How many bytes a file has; none, if it cannot be read."""
        try:
            return len(self.content(path))
        except (OSError, Refusal):
            return 0

    def shelf(self, folder: Path, pattern: str) -> "Shelf":
        """The folder's files."""
        place = (folder, pattern)
        if place not in self._shelves:
            self._shelves[place] = Shelf(folder, pattern, self)
        return self._shelves[place]

    def statements(self, path: Path) -> list[Statement | Unreadable]:
        """What a file does; nothing where it cannot be read, which is its own finding elsewhere."""
        if path not in self._done:
            try:
                self._done[path] = list(_statements(self.content(path)))
            except (Refusal, OSError, RecursionError):
                self._done[path] = []
        return self._done[path]


class Shelf:
    """All files of a folder as one text, so that a thousand are searched for a name at once."""

    def __init__(self, folder: Path, pattern: str, library: Library) -> None:
        self.paths = tuple(sorted(path for path in folder.glob(pattern) if path.is_file()))
        texts = [_lower(path, library) for path in self.paths]
        self._all = b"\0".join(texts)
        self._starts = [0, *accumulate(len(text) + 1 for text in texts)][:-1]

    def mentioning(self, name: str, before: Path | None) -> list[Path]:
        """The files that hold `name` as a word, in order; only those before `before`, if it is given."""
        end = len(self._all)
        if before is not None:
            at = bisect_left(self.paths, before)
            end = self._starts[at] if at < len(self.paths) else end
        wanted = name.lower().encode()
        found: set[int] = set()
        # bytes.find runs through a megabyte in no time; a regular expression with word borders does not.
        at = self._all.find(wanted, 0, end)
        while at >= 0:
            if not _WORD.match(self._all, at + len(wanted)) and not (at and _WORD.match(self._all, at - 1)):
                found.add(bisect_right(self._starts, at) - 1)
            at = self._all.find(wanted, at + 1, end)
        return [self.paths[place] for place in sorted(found)]


class Earlier:
    """What is known of the time before the file at `path`: from its folder, and from the folder `others`."""

    complete = False

    def __init__(self, path: Path, others: Path | None, library: Library) -> None:
        self._path = path
        self._library = library
        self._others = others
        self._known: dict[str, Facts] = {}

    def about(self, name: str) -> Facts:
        """What the files before say about `name`."""
        if name not in self._known:
            facts = Facts()
            for path in self._mentioning(name):
                facts.learn(self._library.statements(path))
            self._known[name] = facts
        return self._known[name]

    def _mentioning(self, name: str) -> list[Path]:
        own = self._library.shelf(self._path.parent, "*.sql").mentioning(name, self._path)
        if self._others is None:
            return own
        others = self._library.shelf(self._others, "**/*.sql").mentioning(name, None)
        return [*(path for path in others if path != self._path), *own]


def _lower(path: Path, library: Library) -> bytes:
    try:
        return library.content(path).lower()
    except (OSError, Refusal):
        return b""


def _statements(raw: bytes) -> list[Statement | Unreadable]:
    source = Source(raw)
    translator = Translator(source)
    found: list[Statement | Unreadable] = []
    for parsed in parse(source):
        if not isinstance(parsed, Unreadable):
            found += translator.statements(parsed)
    return found
