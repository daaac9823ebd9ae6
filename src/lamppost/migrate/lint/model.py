"""What the rules speak about: names, statements and findings; no parser's words."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from lamppost.migrate.lint.lazy import Tree

Node = dict[str, Any]
Reach = Literal["none", "few", "some", "all"]
Severity = Literal["block", "advise"]


class Name(msgspec.Struct, frozen=True):
    """An object as the file names it; `schema` is None when it says none."""

    schema: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


class Found(msgspec.Struct, frozen=True):
    """What a rule has to say about one statement; None means the rule's own severity or advice."""

    message: str
    severity: Severity | None = None
    instead: str | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report. `line` counts from 1."""

    file: str
    line: int
    rule: str
    severity: Severity
    message: str
    instead: str


class Constraint(msgspec.Struct, frozen=True, kw_only=True):
    """A constraint of a table, a column or a domain; `proves_not_null`: columns it says are never null."""

    kind: Literal["check", "foreign key", "unique", "primary key", "exclude", "not null"]
    name: str | None = None
    columns: tuple[str, ...] = ()
    references: Name | None = None
    not_valid: bool = False
    using_index: str | None = None
    proves_not_null: tuple[str, ...] = ()
    # Of a check: its tree.
    expression: Node | None = None


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column as it is declared. `default` is the expression's tree; `type` is how PostgreSQL prints it."""

    name: str
    type: str
    type_name: Name
    default: Node | None = None
    not_null: bool = False
    identity: bool = False
    generated: Literal["stored", "virtual"] | None = None
    # `default null` is no default, but makes the server check a foreign key all the same.
    null_default: bool = False
    constraints: tuple[Constraint, ...] = ()

    @property
    def serial(self) -> bool:
        """Whether it takes its numbers from a sequence of its own."""
        return self.type in {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}


class AddColumn(msgspec.Struct, frozen=True):
    """`add column`."""

    column: Column


class DropColumn(msgspec.Struct, frozen=True):
    """`drop column`."""

    column: str
    cascade: bool


class ChangeType(msgspec.Struct, frozen=True):
    """`alter column … type`."""

    column: str
    type: str
    using: bool
    collated: bool = False


class SetNotNull(msgspec.Struct, frozen=True):
    """`alter column … set not null`."""

    column: str


class SetDefault(msgspec.Struct, frozen=True):
    """`set default` (with its expression's tree) or `drop default` (None)."""

    column: str
    default: Node | None


class AddConstraint(msgspec.Struct, frozen=True):
    """`add constraint`."""

    constraint: Constraint


class ValidateConstraint(msgspec.Struct, frozen=True):
    """`validate constraint`."""

    name: str


class Attach(msgspec.Struct, frozen=True):
    """`attach partition`."""

    partition: Name
    bound: Node = msgspec.field(default_factory=dict)


class Detach(msgspec.Struct, frozen=True):
    """`detach partition`."""

    partition: Name
    concurrently: bool


class OtherAction(msgspec.Struct, frozen=True):
    """Any other action of `alter table`, by the parser's name of it; `name` is what it acts on."""

    kind: str
    name: str = ""
    cascade: bool = False


Action = (
    AddColumn
    | DropColumn
    | ChangeType
    | SetNotNull
    | SetDefault
    | AddConstraint
    | ValidateConstraint
    | Attach
    | Detach
    | OtherAction
)


class CreateTable(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """`create table`. Its columns and constraints are read when somebody asks for them."""

    table: Name
    parts: Callable[[], tuple[tuple[Column, ...], tuple[Constraint, ...]]] = lambda: ((), ())
    partition_of: Name | None = None
    temporary: bool = False
    if_not_exists: bool = False
    partitioned: bool = False
    # Whether it is the partition for what no other takes.
    default: bool = False
    # Whether it has columns that are not written here: `like`, `inherits`, a partition.
    inherits: bool = False

    @cached_property
    def _read(self) -> tuple[tuple[Column, ...], tuple[Constraint, ...]]:
        return self.parts()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are written here."""
        return self._read[0]

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints that stand beside the columns."""
        return self._read[1]


class CreateFrom(msgspec.Struct, frozen=True):
    """`create table as`, `select into`, `create materialized view`."""

    table: Name
    kind: Literal["table", "materialized view"]
    reach: Reach
    if_not_exists: bool
    temporary: bool
    copies: tuple[Name, ...] = ()
    # Whether the rows are counted or summed up rather than copied.
    folds: bool = False


class CreateIndex(msgspec.Struct, frozen=True, kw_only=True):
    """`create index`. `only`: on the parent of partitions alone, which builds nothing."""

    table: Name
    index: str | None
    unique: bool
    concurrently: bool
    if_not_exists: bool
    only: bool
    columns: int
    on: tuple[str, ...] = ()


class AlterTable(msgspec.Struct, frozen=True):
    """`alter table` and its kin; `kind` is table, index, view, sequence, materialized view, foreign table."""

    table: Name
    kind: str
    actions: tuple[Action, ...]


class Make(msgspec.Struct, frozen=True):
    """Any other object made: a view, a type, a domain, a sequence, a function, a schema, a policy."""

    kind: str
    name: Name
    replace: bool = False
    constrained: bool = False
    on: Name | None = None


class CreateFunction(msgspec.Struct, frozen=True, kw_only=True):
    """`create function` or `procedure`, with the statements of its body."""

    name: Name
    volatility: str
    language: str
    body: tuple["Statement", ...] = ()
    definer: bool = False
    path_set: bool = False
    path: tuple[str, ...] = ()


class Drop(msgspec.Struct, frozen=True):
    """`drop`; `on` is the table of a trigger, a policy or a rule."""

    kind: str
    names: tuple[Name, ...]
    concurrently: bool
    cascade: bool
    on: Name | None = None


class Rename(msgspec.Struct, frozen=True):
    """`rename`, of an object or of a part of one (`part`: the old column, label, constraint)."""

    kind: str
    of: Name
    part: str | None
    to: str


class Move(msgspec.Struct, frozen=True):
    """`set schema`."""

    kind: str
    name: Name
    schema: str


class Owner(msgspec.Struct, frozen=True):
    """`owner to`."""

    kind: str
    name: Name
    role: str


class AddLabel(msgspec.Struct, frozen=True):
    """`alter type … add value`."""

    type: Name
    label: str


class AlterDomain(msgspec.Struct, frozen=True):
    """`alter domain`; `scans` when every table that uses it is read."""

    domain: Name
    scans: bool


class Change(msgspec.Struct, frozen=True):
    """`update`, `delete`, `merge`: how much of `table` they reach, and why that is so."""

    verb: str
    table: Name
    reach: Reach
    why: str
    # The column whose being null is all that the condition asks.
    only_null: str = ""


class Read(msgspec.Struct, frozen=True):
    """`select` (and `copy … to`): what it reads, and whether it locks the rows."""

    tables: tuple[Name, ...]
    reach: Reach
    locks: bool


class Insert(msgspec.Struct, frozen=True):
    """`insert`; `reach` is of the query it copies from, and `copies` the tables of that."""

    table: Name
    reach: Reach
    copies: tuple[Name, ...]
    upsert: bool
    folds: bool = False


class Call(msgspec.Struct, frozen=True):
    """A function called, with its arguments where they are constants."""

    function: Name
    arguments: tuple[str | None, ...]


class Truncate(msgspec.Struct, frozen=True):
    """`truncate`."""

    tables: tuple[Name, ...]
    cascade: bool


class Lock(msgspec.Struct, frozen=True):
    """`lock table`; `mode` is PostgreSQL's number, 1 to 8."""

    tables: tuple[Name, ...]
    mode: int


class Reindex(msgspec.Struct, frozen=True):
    """`reindex`; `kind` is index, table, schema, system or database."""

    kind: str
    name: str
    concurrently: bool


class Vacuum(msgspec.Struct, frozen=True):
    """`vacuum`, not `analyze` alone."""

    tables: tuple[Name, ...]
    full: bool


class Cluster(msgspec.Struct, frozen=True):
    """`cluster`; None: every table that ever was."""

    table: Name | None


class Refresh(msgspec.Struct, frozen=True):
    """`refresh materialized view`."""

    view: Name
    concurrently: bool
    empty: bool


class Trigger(msgspec.Struct, frozen=True):
    """`create trigger` or `create rule`."""

    kind: str
    table: Name
    name: str
    function: Name | None
    # A rule that does something else in place of the statement.
    replaces: bool = False


class Set(msgspec.Struct, frozen=True):
    """`set` and `reset`; no values: back to the default. `name` "all" resets everything."""

    name: str
    values: tuple[str, ...]
    local: bool


class Transaction(msgspec.Struct, frozen=True):
    """`begin`, `commit`, `rollback`, `savepoint`, `prepare transaction` …"""

    kind: str


class Grant(msgspec.Struct, frozen=True):
    """`grant` and `revoke` on objects; `default`: of objects to come."""

    gives: bool
    kind: str
    names: tuple[Name, ...]
    roles: tuple[str, ...]
    privileges: tuple[str, ...]
    default: bool
    # The roles whose coming objects it is about, where it says so.
    makers: tuple[str, ...] = ()


class Restart(msgspec.Struct, frozen=True):
    """`alter sequence … restart`."""

    sequence: Name


class ServerWide(msgspec.Struct, frozen=True):
    """Roles, databases, extensions, server settings: what belongs to no service, in words."""

    what: str


class Outside(msgspec.Struct, frozen=True):
    """`copy` with a file, a program or the client: what is not in the database."""

    what: str


class Dynamic(msgspec.Struct, frozen=True):
    """SQL put together at run time that cannot be read beforehand."""

    expression: str


class Loop(msgspec.Struct, frozen=True):
    """A change inside a loop: `over` says over what."""

    change: Change
    over: str


class NewerServer(msgspec.Struct, frozen=True):
    """Something that servers before `since` do not understand."""

    what: str
    since: int


class Other(msgspec.Struct, frozen=True):
    """Nothing a rule asks about, by the parser's name of it."""

    node: str


Kind = (
    CreateTable
    | CreateFrom
    | CreateIndex
    | AlterTable
    | Make
    | CreateFunction
    | Drop
    | Rename
    | Move
    | Owner
    | AddLabel
    | AlterDomain
    | Change
    | Read
    | Insert
    | Call
    | Truncate
    | Lock
    | Reindex
    | Vacuum
    | Cluster
    | Refresh
    | Trigger
    | Set
    | Transaction
    | Grant
    | Restart
    | ServerWide
    | Outside
    | Dynamic
    | Loop
    | NewerServer
    | Other
)


class Statement(msgspec.Struct, frozen=True):
    """One thing that happens: where it stands, and whether a `do` block or a function makes it happen.

    `tree` is the whole parsed statement it belongs to; `first` marks one per such statement.
    """

    line: int
    what: Kind
    inside: Literal["file", "do", "function"] = "file"
    tree: "Tree | None" = None
    first: bool = False

    @property
    def node(self) -> Node | None:
        """The fields of the parsed statement."""
        return None if self.tree is None else self.tree.node
