"""`alter table`, action by action."""

from collections.abc import Iterator
from typing import Any

from lamppost.migrate.lint import model
from lamppost.migrate.lint.columns import column, constraint, newer_column, newer_constraint, type_of
from lamppost.migrate.lint.model import Action, Kind, Node
from lamppost.migrate.lint.newer import newer_functions
from lamppost.migrate.lint.tree import relation, strings


def alter_table(node: Node) -> Iterator[Kind]:
    """An AlterTableStmt's fields, and what in it asks for a newer server."""
    kind = node.get("objtype", "OBJECT_TABLE").removeprefix("OBJECT_").replace("_", " ").lower()
    kind = {"matview": "materialized view"}.get(kind, kind)
    commands = [item["AlterTableCmd"] for item in node.get("cmds", [])]
    yield model.AlterTable(relation(node["relation"]), kind, tuple(_action(command) for command in commands))
    for command in commands:
        yield from _newer(command)


def _action(command: Node) -> Action:
    defined: dict[str, Any] = command.get("def", {})
    name = command.get("name", "")
    match command["subtype"]:
        case "AT_AddColumn":
            return model.AddColumn(column(defined["ColumnDef"]))
        case "AT_DropColumn":
            return model.DropColumn(name, command.get("behavior") == "DROP_CASCADE")
        case "AT_AlterColumnType":
            fields = defined["ColumnDef"]
            return model.ChangeType(
                name,
                type_of(fields["typeName"])[0],
                using="raw_default" in fields and not _itself(fields["raw_default"], name),
                collated="collClause" in fields,
            )
        case "AT_SetNotNull":
            return model.SetNotNull(name)
        case "AT_ColumnDefault":
            return model.SetDefault(name, command.get("def"))
        case "AT_AddConstraint":
            return model.AddConstraint(constraint(defined["Constraint"]))
        case "AT_ValidateConstraint":
            return model.ValidateConstraint(name)
        case "AT_AttachPartition":
            bound = defined["PartitionCmd"].get("bound", {})
            return model.Attach(relation(defined["PartitionCmd"]["name"]), bound)
        case "AT_DetachPartition":
            found = defined["PartitionCmd"]
            return model.Detach(relation(found["name"]), bool(found.get("concurrent")))
        case "AT_ChangeOwner":
            return model.OtherAction("AT_ChangeOwner", command.get("newowner", {}).get("rolename", ""))
    return model.OtherAction(command["subtype"], name, command.get("behavior") == "DROP_CASCADE")


def _itself(expression: Any, column: str) -> bool:
    """Whether `using` names the column and nothing else, be it in a cast."""
    while "TypeCast" in expression:
        expression = expression["TypeCast"].get("arg", {})
    return strings(expression.get("ColumnRef", {}).get("fields"))[-1:] == (column,)


def _newer(command: Node) -> Iterator[Kind]:
    defined: dict[str, Any] = command.get("def", {})
    kind = command["subtype"]
    if kind == "AT_DetachPartition" and defined["PartitionCmd"].get("concurrent"):
        yield model.NewerServer("detach partition concurrently", 14)
    if kind == "AT_SetAccessMethod":
        yield model.NewerServer("set access method", 15)
    if kind == "AT_SetExpression":
        yield model.NewerServer("set expression", 17)
    if kind == "AT_DropExpression":
        yield model.NewerServer("drop expression", 13)
    if kind == "AT_SetCompression":
        yield model.NewerServer("set compression", 14)
    if kind == "AT_ColumnDefault":
        yield from newer_functions(defined)
    if kind == "AT_AddConstraint":
        yield from newer_constraint(defined["Constraint"])
    if kind == "AT_AddConstraint" and defined["Constraint"]["contype"] == "CONSTR_NOTNULL":
        yield model.NewerServer("a not null constraint of its own", 18)
    if "ColumnDef" in defined:
        yield from newer_column(defined["ColumnDef"])
