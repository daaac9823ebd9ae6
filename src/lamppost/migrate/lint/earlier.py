"""What earlier files did: read only when a rule asks, and only those that mention what it asks about."""

from collections.abc import Iterator

from lamppost.migrate.lint.facts import Before, Facts
from lamppost.migrate.lint.model import Statement
from lamppost.migrate.lint.parse import Unreadable, parse
from lamppost.migrate.lint.shelf import Library, apart
from lamppost.migrate.lint.source import Source
from lamppost.migrate.lint.translate import Translator


class Earlier:
    """What is known of the time before the file at `path`: from its folder, and from the folder `others`.

    With `live`, a database's catalog, the files add to it: they may have run there, or be still to come.
    """

    def __init__(self, path: str, others: str | None, library: Library, live: Before | None = None) -> None:
        # The catalog of a database in which the file itself ran tells of the time after it.
        ran = live is not None and _ran(path, live.about("").applied)
        self.complete = live is not None and live.complete and not ran
        self._live = live
        self._path = path
        self._library = library
        self._others = others
        self._known: dict[str, Facts] = {}

    def about(self, name: str) -> Facts:
        """What the files before say about `name`."""
        if name not in self._known:
            self._known[name] = self._added(name) if self._live else self._learned(name)
        return self._known[name]

    def _added(self, name: str) -> Facts:
        assert self._live
        files = self._mentioning(name)
        facts = self._live.about(name)
        # The catalog's facts are everybody's: what is learned on top is this file's alone.
        facts = facts.copy() if files else facts
        for path in files:
            facts.learn(self._statements(path))
        return facts

    def _learned(self, name: str) -> Facts:
        """Files are judged in their order: what was known before one is learned further for the next."""
        files = self._mentioning(name)
        place = (apart(self._path)[0], self._others, name)
        course, facts = self._library.courses.get(place, ([], Facts()))
        if files[: len(course)] != course:
            course, facts = [], Facts()
        for path in files[len(course) :]:
            facts.learn(self._statements(path))
        self._library.courses[place] = (files, facts)
        return facts

    def _mentioning(self, name: str) -> list[str]:
        own = self._library.shelf(apart(self._path)[0]).mentioning(name, self._path)
        if self._others is None:
            return own
        others = self._library.shelf(self._others, deep=True).mentioning(name, None)
        return [*(path for path in others if path != self._path), *own]

    def _statements(self, path: str) -> list[Statement | Unreadable]:
        done = self._library.done
        if path not in done:
            try:
                done[path] = list(_read(self._library.content(path)))
            except Exception:
                done[path] = []
        return done[path]


def _read(raw: bytes) -> Iterator[Statement | Unreadable]:
    source = Source(raw)
    translator = Translator(source)
    for parsed in parse(source):
        if not isinstance(parsed, Unreadable):
            yield from translator.statements(parsed)


def _ran(path: str, applied: set[str]) -> bool:
    name = apart(path)[1]
    return name in applied or name.removesuffix(".sql") in applied
