"""What is known of the tables beforehand: from earlier files, or from a live catalog."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from lamppost.migrate.lint.learning import learned
from lamppost.migrate.lint.model import Name, Node, Statement
from lamppost.migrate.lint.parse import Unreadable


class Facts(msgspec.Struct):
    """Tables and what stands in them. What is absent is unknown, or does not exist: see `Before`."""

    tables: set[Name] = msgspec.field(default_factory=set)
    rows: dict[Name, float] = msgspec.field(default_factory=dict)
    bytes: dict[Name, int] = msgspec.field(default_factory=dict)
    partitioned: set[Name] = msgspec.field(default_factory=set)
    types: dict[tuple[Name, str], str] = msgspec.field(default_factory=dict)
    not_null: set[tuple[Name, str]] = msgspec.field(default_factory=set)
    # A constraint that says columns are never null: which, and whether every row was checked.
    proofs: dict[tuple[Name, str], tuple[tuple[str, ...], bool]] = msgspec.field(default_factory=dict)
    volatility: dict[Name, str] = msgspec.field(default_factory=dict)
    domains: dict[Name, bool] = msgspec.field(default_factory=dict)
    # The views that use a column.
    viewed: dict[tuple[Name, str], frozenset[Name]] = msgspec.field(default_factory=dict)
    indexes: dict[Name, tuple[str, ...]] = msgspec.field(default_factory=dict)
    index_tables: dict[Name, Name] = msgspec.field(default_factory=dict)
    # Checks: the tree, and whether every row was checked.
    checks: dict[tuple[Name, str], tuple[Node, bool]] = msgspec.field(default_factory=dict)
    # Everything that has a name among tables: sequences, indexes and views, too.
    relations: set[Name] = msgspec.field(default_factory=set)
    # Tables that have columns nobody has told us about.
    vague: set[Name] = msgspec.field(default_factory=set)
    # Columns added to a table without a value: null in every row.
    unfilled: set[tuple[Name, str]] = msgspec.field(default_factory=set)
    constraints: set[tuple[Name, str]] = msgspec.field(default_factory=set)
    # Partitioned tables with a partition for the rest.
    defaulted: set[Name] = msgspec.field(default_factory=set)
    # Materialized views, and whether a unique index lets them be refreshed concurrently.
    matviews: dict[Name, bool] = msgspec.field(default_factory=dict)
    # The files that ran in the database whose catalog this is.
    applied: set[str] = msgspec.field(default_factory=set)
    # Which tables refer to a table by foreign key.
    referred: dict[Name, frozenset[Name]] = msgspec.field(default_factory=dict)

    def validated(self, table: Name) -> list[Node]:
        """The checks that hold for every row of `table`."""
        return [check for (of, _), (check, checked) in self.checks.items() if of == table and checked]

    def copy(self) -> "Facts":
        """The same facts, to learn more without telling others."""
        return Facts(**{name: getattr(self, name).copy() for name in self.__struct_fields__})

    def learn(self, statements: Iterable[Statement | Unreadable]) -> None:
        """Take in what a file did."""
        for statement in statements:
            if isinstance(statement, Statement) and statement.inside != "function":
                learned(self, statement.what)


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
