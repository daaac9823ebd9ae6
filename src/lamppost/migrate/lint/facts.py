"""What is known of the tables beforehand: from earlier files, or from a live catalog."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from lamppost.migrate.lint import model
from lamppost.migrate.lint.model import Name, Statement
from lamppost.migrate.lint.parse import Unreadable


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


class Known:
    """Facts that were read in one go: a live catalog."""

    complete = True

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def about(self, name: str) -> Facts:
        """Everything, whatever the name."""
        del name
        return self._facts
