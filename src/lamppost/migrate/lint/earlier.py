"""What earlier files did: read only when a rule asks, and only those that mention what it asks about."""

from collections.abc import Iterator

from lamppost.migrate.lint.facts import Facts
from lamppost.migrate.lint.model import Statement
from lamppost.migrate.lint.parse import Unreadable, parse
from lamppost.migrate.lint.shelf import Library, apart
from lamppost.migrate.lint.source import Source
from lamppost.migrate.lint.translate import Translator


class Earlier:
    """What is known of the time before the file at `path`: from its folder, and from the folder `others`."""

    complete = False

    def __init__(self, path: str, others: str | None, library: Library) -> None:
        self._path = path
        self._library = library
        self._others = others
        self._known: dict[str, Facts] = {}

    def about(self, name: str) -> Facts:
        """What the files before say about `name`."""
        if name not in self._known:
            facts = Facts()
            for path in self._mentioning(name):
                facts.learn(self._statements(path))
            self._known[name] = facts
        return self._known[name]

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
            except Exception:  # noqa: BLE001 - whatever is wrong with it is a finding when it is linted itself
                done[path] = []
        return done[path]


def _read(raw: bytes) -> Iterator[Statement | Unreadable]:
    source = Source(raw)
    translator = Translator(source)
    for parsed in parse(source):
        if not isinstance(parsed, Unreadable):
            yield from translator.statements(parsed)
