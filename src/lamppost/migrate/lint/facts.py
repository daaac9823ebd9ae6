"""What is known of the tables beforehand: from earlier files, or from a live catalog."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from lamppost.migrate.lint import model
from lamppost.migrate.lint.model import Name, Statement
from lamppost.migrate.lint.parse import Unreadable, parse
from lamppost.migrate.lint.source import Refusal, Source
from lamppost.migrate.lint.translate import Translator


class Facts(msgspec.Struct):
    """Tables and what stands in them. What is absent is unknown; if `complete`, it does not exist."""

    complete: bool = False
    tables: set[Name] = msgspec.field(default_factory=set)
    rows: dict[Name, float] = msgspec.field(default_factory=dict)
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
    """Whoever knows what was before a file."""

    def about(self, name: str) -> Facts:
        """What is known of the tables, functions and types called `name`."""
        ...


class Earlier:
    """The files before one, read only where they mention what is asked about."""

    _cache: dict[Path, tuple[str, list[Statement | Unreadable] | None]] = {}

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._known: dict[str, Facts] = {}

    def about(self, name: str) -> Facts:
        """What the files before say about `name`."""
        if name not in self._known:
            facts = Facts()
            for path in self._paths:
                facts.learn(self._statements(path, name))
            self._known[name] = facts
        return self._known[name]

    def _statements(self, path: Path, name: str) -> list[Statement | Unreadable]:
        cached = self._cache.get(path)
        if cached is None:
            try:
                cached = (path.read_bytes().decode(errors="replace").lower(), None)
            except OSError:
                cached = ("", [])
        text, statements = cached
        if statements is None and name.lower() in text:
            statements = read_statements(path)
        self._cache[path] = (text, statements)
        return statements or []


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

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def about(self, name: str) -> Facts:
        """Everything, whatever the name."""
        del name
        return self._facts
