"""What `alter table` does, action by action, as PostgreSQL 15 to 18 document and measure it.

The lock levels are those of `AlterTableGetLockLevel`; what is read and written was seen in trial runs.
"""

from collections.abc import Iterator

from lamppost.migrate.effects.kinds import Effect, Locks, Mode, Rewrites, Scans
from lamppost.migrate.lint import model
from lamppost.migrate.lint.model import Name
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.volatility import volatile
from lamppost.migrate.lint.widening import free

_GENTLE = {
    "AT_SetStatistics", "AT_SetRelOptions", "AT_ResetRelOptions", "AT_ReplaceRelOptions", "AT_ClusterOn",
    "AT_DropCluster", "AT_SetOptions", "AT_ResetOptions",
}  # fmt: skip
_TRIGGERS = ("AT_EnableTrig", "AT_DisableTrig", "AT_EnableAlwaysTrig", "AT_EnableReplicaTrig")
_REWRITING = {
    "AT_SetLogged",
    "AT_SetUnLogged",
    "AT_SetTableSpace",
    "AT_SetAccessMethod",
    "AT_SetExpression",
}


def altered(what: model.AlterTable, at: State) -> Iterator[Effect]:
    """The effects of every action of one `alter table`."""
    for action in what.actions:
        yield from _action(what, action, at)


def _action(what: model.AlterTable, action: model.Action, at: State) -> Iterator[Effect]:
    table = what.table
    match action:
        case model.AddColumn(column):
            yield Locks(table, "ACCESS EXCLUSIVE")
            yield from _column(table, column, at)
        case model.ChangeType():
            yield Locks(table, "ACCESS EXCLUSIVE")
            if what.kind == "table" and not _is_free(at.resolved(table), action, at):
                yield Rewrites(table)
        case model.SetNotNull(column):
            yield Locks(table, "ACCESS EXCLUSIVE")
            if not (at.pg >= 12 and at.proves_not_null(table, column)):
                yield Scans(table)
        case model.AddConstraint(constraint):
            yield from _constraint(table, constraint, at)
        case model.ValidateConstraint():
            yield Locks(table, "SHARE UPDATE EXCLUSIVE")
            yield Scans(table)
        case model.Attach(partition, bound):
            yield Locks(table, "SHARE UPDATE EXCLUSIVE")
            yield Locks(partition, "ACCESS EXCLUSIVE")
            if what.kind == "table" and not at.within(partition, bound):
                yield Scans(partition)
        case model.Detach(partition, concurrently):
            yield Locks(table, "SHARE UPDATE EXCLUSIVE" if concurrently else "ACCESS EXCLUSIVE")
            yield Locks(partition, "ACCESS EXCLUSIVE")
        case model.OtherAction(kind=kind):
            yield Locks(table, _mode(kind))
            if kind in _REWRITING:
                yield Rewrites(table)
        case model.DropColumn() | model.SetDefault():
            yield Locks(table, "ACCESS EXCLUSIVE")


def _mode(kind: str) -> Mode:
    if kind in _GENTLE:
        return "SHARE UPDATE EXCLUSIVE"
    return "SHARE ROW EXCLUSIVE" if kind.startswith(_TRIGGERS) else "ACCESS EXCLUSIVE"


def _is_free(table: Name, action: model.ChangeType, at: State) -> bool:
    old = at.known(table).types.get((table, action.column))
    return old is not None and not action.using and free(old, action.type)


def _column(table: Name, column: model.Column, at: State) -> Iterator[Effect]:
    if _written(column, at):
        yield Rewrites(table)
    elif column.not_null and column.default is None and column.generated is None:
        yield Scans(table)
    for constraint in column.constraints:
        if constraint.kind == "foreign key":
            if constraint.references:
                yield Locks(constraint.references, "SHARE ROW EXCLUSIVE")
            if column.default is not None:
                yield Scans(table)
        elif constraint.kind != "not null":
            yield Scans(table)


def _written(column: model.Column, at: State) -> bool:
    if column.serial or column.identity or column.generated == "stored":
        return True
    if column.default is not None and (at.pg < 11 or volatile(column.default, at)):
        return True
    name = column.type_name
    return bool(at.domains.get(at.resolved(name)) or at.known(name).domains.get(name))


def _constraint(table: Name, constraint: model.Constraint, at: State) -> Iterator[Effect]:
    if constraint.kind == "foreign key":
        yield Locks(table, "SHARE ROW EXCLUSIVE")
        if constraint.references:
            yield Locks(constraint.references, "SHARE ROW EXCLUSIVE")
        if not constraint.not_valid:
            yield Scans(table)
        return
    yield Locks(table, "ACCESS EXCLUSIVE")
    if constraint.not_valid:
        return
    if constraint.using_index is not None:
        index = Name(at.resolved(table).schema, constraint.using_index)
        columns = at.known(at.resolved(table)).indexes.get(index, ())
        if constraint.kind == "primary key" and not all(at.proves_not_null(table, one) for one in columns):
            yield Scans(table)
    elif not (constraint.kind == "not null" and at.proves_not_null(table, constraint.columns[0])):
        yield Scans(table)
