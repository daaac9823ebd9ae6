"""What is known of the tables beforehand: from earlier files, or from a live catalog."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import msgspec

from lamppost.migrate.lint import model
from lamppost.migrate.lint.model import Name, Statement
from lamppost.migrate.lint.parse import Unreadable, parse
from lamppost.migrate.lint.source import Refusal, Source
from lamppost.migrate.lint.translate import Translator

_WORD = re.compile(rb"[\w$]")


class Facts(msgspec.Struct):
    """Tables and what stands in them. What is absent is unknown, or does not exist: see `Before`."""

    tables: set[Name] = msgspec.field(default_factory=set)
    rows: dict[Name, float] = msgspec.field(default_factory=dict)
    bytes: dict[Name, int] = msgspec.field(default_factory=dict)
    partitioned: set[Name] = msgspec.field(default_factory=set)
    types: dict[tuple[Name, str], str] = msgspec.field(default_factory=dict)
    not_null: set[tuple[Name, str]] = msgspec.field(default_factory=set)
    # A constraint that says a column is never null: the column, and whether every row was checked.
    proofs: dict[tuple[Name, str], tuple[str, bool]] = msgspec.field(default_factory=dict)
    volatility: dict[Name, str] = msgspec.field(default_factory=dict)
    domains: dict[Name, bool] = msgspec.field(default_factory=dict)
    viewed: set[tuple[Name, str]] = msgspec.field(default_factory=set)
    indexes: dict[Name, tuple[str, ...]] = msgspec.field(default_factory=dict)
    index_tables: dict[Name, Name] = msgspec.field(default_factory=dict)
    # Tables on which a check was validated.
    checked: set[Name] = msgspec.field(default_factory=set)

    def proves_not_null(self, table: Name, column: str) -> bool:
        """Whether no row can have a null there, so that `set not null` need not look."""
        return (table, column) in self.not_null or any(
            of == table and found == column and checked for (of, _), (found, checked) in self.proofs.items()
        )

    def learn(self, statements: Iterable[Statement | Unreadable]) -> None:
        """Take in what a file did."""
        for statement in statements:
            if isinstance(statement, Statement):
                self._learn(statement.what)

    def _learn(self, what: model.Kind) -> None:
        match what:
            case model.CreateTable(table=table):
                self.tables.add(table)
                if what.partitioned:
                    self.partitioned.add(table)
                for column in what.columns:
                    self._column(table, column)
                for constraint in what.constraints:
                    self._constraint(table, constraint)
            case model.AlterTable(table=table, actions=actions):
                for action in actions:
                    self._altered(table, action)
            case model.CreateFunction(name=name, volatility=volatility):
                self.volatility[name] = volatility
            case model.Make(kind="domain", name=name, constrained=constrained):
                self.domains[name] = constrained
            case model.AlterDomain(domain=domain):
                self.domains[domain] = True

    def _altered(self, table: Name, action: model.Action) -> None:
        match action:
            case model.AddColumn(column):
                self._column(table, column)
            case model.AddConstraint(constraint):
                self._constraint(table, constraint)
            case model.ChangeType(column=column, type=printed):
                self.types[table, column] = printed
            case model.SetNotNull(column):
                self.not_null.add((table, column))
            case model.ValidateConstraint(name):
                self.checked.add(table)
                if (table, name) in self.proofs:
                    self.proofs[table, name] = (self.proofs[table, name][0], True)
            case model.OtherAction(kind="AT_DropConstraint", name=name):
                self.proofs.pop((table, name), None)
            case model.OtherAction(kind="AT_DropNotNull", name=name):
                self.not_null.discard((table, name))

    def _column(self, table: Name, column: model.Column) -> None:
        self.types[table, column.name] = column.type
        if column.not_null:
            self.not_null.add((table, column.name))

    def _constraint(self, table: Name, constraint: model.Constraint) -> None:
        if constraint.kind == "primary key":
            self.not_null.update((table, column) for column in constraint.columns)
        if constraint.proves_not_null:
            name = constraint.name or f"{table.name}_{constraint.proves_not_null}_check"
            self.proofs[table, name] = (constraint.proves_not_null, not constraint.not_valid)


class Before(Protocol):
    """Whoever knows what was before a file. `complete`: what it does not know does not exist."""

    complete: bool

    def about(self, name: str) -> Facts:
        """What is known of the tables, functions and types called `name`."""
        ...


class Shelf:
    """All files of a folder as one text, so that a thousand are searched for a name at once."""

    def __init__(self, folder: Path, pattern: str) -> None:
        self.paths = tuple(sorted(path for path in folder.glob(pattern) if path.is_file()))
        texts = [_text(path) for path in self.paths]
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


class Library:
    """What one run has read of earlier files."""

    def __init__(self) -> None:
        self._shelves: dict[tuple[Path, str], Shelf] = {}
        self._read: dict[Path, list[Statement | Unreadable]] = {}

    def mentioning(self, folder: Path, pattern: str, name: str, before: Path | None) -> list[Path]:
        """The folder's files that hold `name`: see `Shelf`."""
        place = (folder, pattern)
        if place not in self._shelves:
            self._shelves[place] = Shelf(folder, pattern)
        return self._shelves[place].mentioning(name, before)

    def statements(self, path: Path) -> list[Statement | Unreadable]:
        """What a file does; each is parsed once."""
        if path not in self._read:
            self._read[path] = read_statements(path)
        return self._read[path]


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes().lower()
    except OSError:
        return b""


class Earlier:
    """The files before one, read only when a rule asks, and only those that mention what it asks about."""

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
            look = self._library.mentioning
            others = look(self._others, "**/*.sql", name, None) if self._others else []
            own = look(self._path.parent, "*.sql", name, self._path)
            for path in (*(one for one in others if one != self._path), *own):
                facts.learn(self._library.statements(path))
            self._known[name] = facts
        return self._known[name]


def read_statements(path: Path) -> list[Statement | Unreadable]:
    """All that a file does; nothing where it cannot be read, which is its own finding elsewhere."""
    try:
        source = Source(path.read_bytes())
    except (Refusal, OSError):
        return []
    translator = Translator(source)
    found: list[Statement | Unreadable] = []
    for parsed in parse(source):
        if not isinstance(parsed, Unreadable):
            found += translator.statements(parsed)
    return found


class Known:
    """Facts that were read in one go: a live catalog."""

    complete = True

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def about(self, name: str) -> Facts:
        """Everything, whatever the name."""
        del name
        return self._facts
