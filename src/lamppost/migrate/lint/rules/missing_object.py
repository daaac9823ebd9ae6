"""A table, a column or a name that is not there, or there already."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import (
    AddColumn,
    AlterTable,
    Change,
    ChangeType,
    CreateIndex,
    CreateTable,
    Drop,
    DropColumn,
    Found,
    Insert,
    Name,
    Node,
    OtherAction,
    Read,
    Refresh,
    SetDefault,
    SetNotNull,
    Severity,
    Trigger,
    Truncate,
    ValidateConstraint,
)
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.topics import Complete

NAME = "missing-object"
SEVERITY: Severity = "block"
WHEN = (
    "by the catalog and the earlier files, a table, column or constraint is not there, or its name is taken"
)
HARM = "the server refuses it, and the deploy stops there"
INSTEAD = "correct the name, or bring in the file that makes it first"
NEEDS = "catalog"

ON = (Complete,)
_DROPPED = {"table", "view", "materialized view", "index", "sequence"}

What = AlterTable | Change | Insert | Read | CreateIndex | CreateTable | Drop | Truncate | Trigger | Refresh


def check(what: What, at: State) -> Iterator[Found]:
    """Only with `--catalog`, which knows all there is, and not for a file that ran there."""
    node = at.statement.node
    if not at.knows_all or at.inside != "file" or node is None:
        return
    if isinstance(what, CreateTable):
        yield from _taken(what, at)
        return
    optional = bool(node.get("missing_ok"))
    for name in _named(what):
        table = at.resolved(name)
        if not optional and table.schema is not None and not _there(table, at):
            yield Found(f"there is no {table}")
            return
    yield from _columns(what, node, at)


def _named(what: What) -> tuple[Name, ...]:
    match what:
        case AlterTable(kind=kind) if kind not in {"table", "view", "materialized view"}:
            return ()
        case Insert(copies=copies):
            return (what.table, *copies)
        case Read(tables=tables) | Truncate(tables=tables):
            return tables
        case Drop(kind=kind, names=names):
            return names if kind in _DROPPED else ()
        case Refresh(view=view):
            return (view,)
        case AlterTable() | Change() | CreateIndex() | Trigger():
            return (what.table,)
    return ()


def _there(name: Name, at: State) -> bool:
    if name.schema in {"pg_catalog", "information_schema", "pg_temp"} or at.is_new(name):
        return True
    facts = at.known(name)
    return name in facts.relations or name in facts.tables


def _taken(what: CreateTable, at: State) -> Iterator[Found]:
    table = at.resolved(what.table)
    free = what.if_not_exists or what.temporary or table in at.dropped
    if not free and table in at.known(table).relations:
        yield Found(f"{table} is there already", instead="choose another name, or leave it out")


def _columns(what: What, node: Node, at: State) -> Iterator[Found]:
    match what:
        case AlterTable(kind="table", table=table, actions=actions):
            commands = [item["AlterTableCmd"] for item in node.get("cmds", [])]
            for action, command in zip(actions, commands, strict=False):
                if not command.get("missing_ok"):
                    yield from _action(at.resolved(table), action, at)
        case Change(table=table, verb="update"):
            for item in node.get("targetList", []):
                yield from _column(at.resolved(table), item.get("ResTarget", {}).get("name", ""), at)
        case Insert(table=table):
            for item in node.get("cols", []):
                yield from _column(at.resolved(table), item.get("ResTarget", {}).get("name", ""), at)
        case CreateIndex(table=table, on=columns):
            for column in columns:
                yield from _column(at.resolved(table), column, at)


def _action(table: Name, action: object, at: State) -> Iterator[Found]:
    facts = at.known(table)
    match action:
        case ChangeType() | SetNotNull() | SetDefault() | DropColumn():
            yield from _column(table, action.column, at)
        case AddColumn(column) if (table, column.name) in facts.types and not at.is_new(table):
            yield Found(f"{table} has a column {column.name} already", instead="choose another name")
        case ValidateConstraint(name) | OtherAction(kind="AT_DropConstraint", name=name):
            if table in facts.tables and (table, name) not in facts.constraints | at.new_constraints:
                yield Found(f"{table} has no constraint {name}")


def _column(table: Name, column: str, at: State) -> Iterator[Found]:
    """A table whose columns are not all known, or a view, may have it."""
    facts = at.known(table)
    place = table, column
    if not column or place in facts.types or place in at.new_columns or at.is_new(table):
        return
    if table in facts.tables and table not in facts.vague and any(of == table for of, _ in facts.types):
        yield Found(f"{table} has no column {column}")
