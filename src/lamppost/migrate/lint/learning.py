"""What a statement of an earlier file leaves behind, for those who ask later."""

from typing import TYPE_CHECKING

from lamppost.migrate.lint import model
from lamppost.migrate.lint.model import Name

if TYPE_CHECKING:
    from lamppost.migrate.lint.facts import Facts


def learned(facts: "Facts", what: model.Kind) -> None:
    """Let `facts` be those of the time after `what`."""
    match what:
        case model.CreateTable(table=table):
            _table(facts, what)
        case model.CreateFrom(table=table):
            facts.tables.add(table)
            facts.relations.add(table)
            facts.vague.add(table)
        case model.CreateIndex(table=table, index=index, on=columns):
            if index:
                facts.indexes[Name(table.schema, index)] = columns
                facts.index_tables[Name(table.schema, index)] = table
                facts.relations.add(Name(table.schema, index))
            if what.unique and table in facts.matviews:
                facts.matviews[table] = True
        case model.AlterTable(table=table, actions=actions):
            for action in actions:
                _altered(facts, table, action)
        case model.CreateFunction(name=name, volatility=volatility):
            facts.volatility[name] = volatility
        case model.Make(kind=kind, name=name, constrained=constrained):
            if kind == "domain":
                facts.domains[name] = constrained
            elif kind in {"view", "sequence"}:
                facts.relations.add(name)
        case model.AlterDomain(domain=domain):
            facts.domains[domain] = True
        case model.Change(table=table):
            facts.unfilled -= {one for one in facts.unfilled if one[0] == table}
        case model.Drop(kind=kind, names=names):
            for name in names:
                facts.tables.discard(name)
                facts.relations.discard(name)
                facts.referred = {
                    to: frozenset(of - {name}) for to, of in facts.referred.items() if to != name
                }
                facts.viewed = {place: views - {name} for place, views in facts.viewed.items()}
        case model.Rename(part=None, of=of, to=to) if of in facts.tables | facts.relations:
            facts.vague.add(Name(of.schema, to))
            for known in (facts.tables, facts.relations):
                known.discard(of)
                known.add(Name(of.schema, to))
        case model.Rename(kind="column", of=of, part=old) if old:
            facts.vague.add(of)
            facts.types.pop((of, old), None)


def _table(facts: "Facts", what: model.CreateTable) -> None:
    table = what.table
    if what.if_not_exists and table in facts.tables:
        return
    facts.tables.add(table)
    facts.relations.add(table)
    if what.partitioned:
        facts.partitioned.add(table)
    if what.inherits:
        facts.vague.add(table)
    if what.default and what.partition_of:
        facts.defaulted.add(what.partition_of)
    for column in what.columns:
        _column(facts, table, column)
    for constraint in what.constraints:
        _constraint(facts, table, constraint)


def _altered(facts: "Facts", table: Name, action: model.Action) -> None:
    match action:
        case model.AddColumn(column):
            _column(facts, table, column)
            if column.default is None and not (column.generated or column.identity or column.serial):
                facts.unfilled.add((table, column.name))
        case model.DropColumn(column):
            facts.types.pop((table, column), None)
            facts.not_null.discard((table, column))
        case model.AddConstraint(constraint):
            _constraint(facts, table, constraint)
        case model.ChangeType(column=column, type=printed):
            facts.types[table, column] = printed
        case model.SetNotNull(column):
            facts.not_null.add((table, column))
        case model.ValidateConstraint(name):
            if (table, name) in facts.proofs:
                facts.proofs[table, name] = (facts.proofs[table, name][0], True)
            if (table, name) in facts.checks:
                facts.checks[table, name] = (facts.checks[table, name][0], True)
        case model.OtherAction(kind="AT_DropConstraint", name=name):
            facts.proofs.pop((table, name), None)
            facts.checks.pop((table, name), None)
            facts.constraints.discard((table, name))
        case model.OtherAction(kind="AT_DropNotNull", name=name):
            facts.not_null.discard((table, name))


def _column(facts: "Facts", table: Name, column: model.Column) -> None:
    facts.types[table, column.name] = column.type
    if column.not_null or column.identity or column.serial:
        facts.not_null.add((table, column.name))
    for constraint in column.constraints:
        _constraint(facts, table, constraint)


def _constraint(facts: "Facts", table: Name, constraint: model.Constraint) -> None:
    columns = constraint.columns
    name = constraint.name or f"{table.name}_{'_'.join(columns)}_{_SUFFIX[constraint.kind]}"
    facts.constraints.add((table, name))
    if constraint.kind == "primary key":
        facts.not_null.update((table, column) for column in columns)
    if constraint.references:
        facts.referred[constraint.references] = facts.referred.get(constraint.references, frozenset()) | {
            table
        }
    if constraint.proves_not_null:
        facts.proofs[table, name] = (constraint.proves_not_null, not constraint.not_valid)
    if constraint.kind == "check" and constraint.expression is not None:
        facts.checks[table, name] = (constraint.expression, not constraint.not_valid)


# The server's own names for constraints that were given none.
_SUFFIX = {
    "check": "check",
    "foreign key": "fkey",
    "unique": "key",
    "primary key": "pkey",
    "exclude": "excl",
    "not null": "not_null",
}
