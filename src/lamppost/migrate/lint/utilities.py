"""All other statements a rule asks about: settings, rights, maintenance, what belongs to the server."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from lamppost.migrate.lint import model
from lamppost.migrate.lint.model import Kind, Name, Node
from lamppost.migrate.lint.objects import objects, options, switched_on, word
from lamppost.migrate.lint.tree import constant, named, relation, strings


def _reindex(node: Node) -> Iterator[Kind]:
    name = str(relation(node["relation"])) if "relation" in node else node.get("name", "")
    kind = node["kind"].removeprefix("REINDEX_OBJECT_").lower()
    concurrently = switched_on(options(node.get("params")), "concurrently")
    yield model.Reindex(kind, name, concurrently)
    if concurrently:
        yield model.NewerServer("reindex concurrently", 12)


def _vacuum(node: Node) -> Iterator[Kind]:
    if not node.get("is_vacuumcmd"):
        return
    tables = tuple(relation(item["VacuumRelation"].get("relation")) for item in node.get("rels", []))
    yield model.Vacuum(tables, switched_on(options(node.get("options")), "full"))


def _refresh(node: Node) -> Iterator[Kind]:
    yield model.Refresh(relation(node["relation"]), bool(node.get("concurrent")), bool(node.get("skipData")))


def _trigger(node: Node) -> Iterator[Kind]:
    yield model.Trigger(
        "trigger", relation(node["relation"]), node["trigname"], named(strings(node["funcname"]))
    )
    if node.get("replace"):
        yield model.NewerServer("create or replace trigger", 14)


def _set(node: Node) -> Iterator[Kind]:
    kind = node.get("kind")
    if kind == "VAR_RESET_ALL":
        yield model.Set("all", (), False)
        return
    values = tuple(str(constant(value)) for value in node.get("args", []))
    yield model.Set(
        node.get("name", "").lower(), values if kind == "VAR_SET_VALUE" else (), bool(node.get("is_local"))
    )


def _discard(node: Node) -> Iterator[Kind]:
    if node.get("target") == "DISCARD_ALL":
        yield model.Set("all", ("discard",), False)


def _grant(node: Node) -> Iterator[Kind]:
    roles = tuple(
        role["RoleSpec"].get("rolename", role["RoleSpec"]["roletype"].removeprefix("ROLESPEC_").lower())
        for role in node.get("grantees", [])
    )
    privileges = tuple(entry["AccessPriv"].get("priv_name", "") for entry in node.get("privileges", []))
    kind = word(node.get("objtype", ""))
    if node.get("targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        kind = "schema"
    yield model.Grant(bool(node.get("is_grant")), kind, objects(node), roles, privileges, False)


def _listed(value: Any) -> list[Node]:
    return value.get("List", {}).get("items", []) if isinstance(value, dict) else []


def _default_grant(node: Node) -> Iterator[Kind]:
    found = options(node.get("options"))
    schemas = tuple(Name(None, schema) for schema in strings(found.get("schemas")))
    makers = tuple(one["RoleSpec"].get("rolename", "") for one in _listed(found.get("roles")))
    inner = next(_grant(node.get("action", {})))
    assert isinstance(inner, model.Grant)
    yield msgspec.structs.replace(inner, kind="schema", names=schemas, default=True, makers=makers)


def _copy(node: Node) -> Iterator[Kind]:
    if node.get("is_program"):
        yield model.Outside("runs a program on the database server")
    elif "filename" in node:
        yield model.Outside("reads or writes a file of the database server")
    else:
        yield model.Outside("exchanges rows with the client, which a migration has not")


def _lock(node: Node) -> Iterator[Kind]:
    yield model.Lock(tuple(relation(item.get("RangeVar")) for item in node["relations"]), node.get("mode", 8))


def _make(kind: str, key: str) -> Callable[[Node], Iterator[Kind]]:
    def make(node: Node) -> Iterator[Kind]:
        held = node.get(key)
        name = relation(held) if isinstance(held, dict) else named(strings(held))
        constrained = kind == "domain" and any("Constraint" in one for one in node.get("constraints", []))
        yield model.Make(kind, name, bool(node.get("replace")), constrained)

    return make


def _statistics(node: Node) -> Iterator[Kind]:
    yield model.Make("statistics", named(strings(node.get("defnames"))))


def _policy(node: Node) -> Iterator[Kind]:
    table = relation(node["table"])
    yield model.Make("policy", Name(None, node["policy_name"]), on=table)


def _rule(node: Node) -> Iterator[Kind]:
    yield model.Trigger("rule", relation(node["relation"]), node["rulename"], None, bool(node.get("instead")))


def _wide(what: str) -> Callable[[Node], Iterator[Kind]]:
    def wide(node: Node) -> Iterator[Kind]:
        role = node.get("role", "")
        named_role = role if isinstance(role, str) else role.get("rolename", "")
        name = node.get("extname") or node.get("dbname") or named_role
        yield model.ServerWide(f"{what} {name}".rstrip())

    return wide


def _call(node: Node) -> Iterator[Kind]:
    call = node["funccall"]
    arguments = tuple(str(constant(argument)) for argument in call.get("args", []))
    yield model.Call(named(strings(call["funcname"])), arguments)


def _transaction(node: Node) -> Iterator[Kind]:
    yield model.Transaction(node["kind"].removeprefix("TRANS_STMT_").replace("_", " ").lower())


def _cluster(node: Node) -> Iterator[Kind]:
    yield model.Cluster(relation(node["relation"]) if "relation" in node else None)


def _truncate(node: Node) -> Iterator[Kind]:
    tables = tuple(relation(item.get("RangeVar")) for item in node["relations"])
    yield model.Truncate(tables, node.get("behavior") == "DROP_CASCADE")


UTILITIES: dict[str, Callable[[Node], Iterator[Kind]]] = {
    "TruncateStmt": _truncate,
    "LockStmt": _lock,
    "ReindexStmt": _reindex,
    "VacuumStmt": _vacuum,
    "ClusterStmt": _cluster,
    "RefreshMatViewStmt": _refresh,
    "CreateTrigStmt": _trigger,
    "RuleStmt": _rule,
    "VariableSetStmt": _set,
    "DiscardStmt": _discard,
    "TransactionStmt": _transaction,
    "GrantStmt": _grant,
    "AlterDefaultPrivilegesStmt": _default_grant,
    "CopyStmt": _copy,
    "CallStmt": _call,
    "ViewStmt": _make("view", "view"),
    "CreateSeqStmt": _make("sequence", "sequence"),
    "CreateEnumStmt": _make("type", "typeName"),
    "CompositeTypeStmt": _make("type", "typevar"),
    "CreateRangeStmt": _make("type", "typeName"),
    "CreateDomainStmt": _make("domain", "domainname"),
    "CreateStatsStmt": _statistics,
    "CreatePolicyStmt": _policy,
    "GrantRoleStmt": _wide("membership of roles"),
    "CreateRoleStmt": _wide("the role"),
    "AlterRoleStmt": _wide("the role"),
    "AlterRoleSetStmt": _wide("the settings of the role"),
    "DropRoleStmt": _wide("roles"),
    "DropOwnedStmt": _wide("all that a role owns"),
    "ReassignOwnedStmt": _wide("all that a role owns"),
    "AlterSystemStmt": _wide("the server's settings"),
    "AlterDatabaseStmt": _wide("the database"),
    "AlterDatabaseSetStmt": _wide("the settings of the database"),
    "CreatedbStmt": _wide("the database"),
    "DropdbStmt": _wide("the database"),
    "AlterTableMoveAllStmt": _wide("all that is in the tablespace"),
    "CreateTableSpaceStmt": _wide("a tablespace"),
    "DropTableSpaceStmt": _wide("a tablespace"),
    "CreateExtensionStmt": _wide("the extension"),
    "AlterExtensionStmt": _wide("the extension"),
    "AlterExtensionContentsStmt": _wide("the extension"),
    "CreatePLangStmt": _wide("a language"),
    "CreateEventTrigStmt": _wide("an event trigger"),
    "AlterEventTrigStmt": _wide("an event trigger"),
    "CreateFdwStmt": _wide("a foreign data wrapper"),
    "AlterFdwStmt": _wide("a foreign data wrapper"),
    "ImportForeignSchemaStmt": _wide("tables of a foreign server"),
    "AlterForeignServerStmt": _wide("a foreign server"),
    "AlterUserMappingStmt": _wide("a user mapping"),
    "DropUserMappingStmt": _wide("a user mapping"),
    "DropSubscriptionStmt": _wide("a subscription"),
    "CreateForeignServerStmt": _wide("a foreign server"),
    "CreateUserMappingStmt": _wide("a user mapping"),
    "CreatePublicationStmt": _wide("a publication"),
    "AlterPublicationStmt": _wide("a publication"),
    "CreateSubscriptionStmt": _wide("a subscription"),
    "AlterSubscriptionStmt": _wide("a subscription"),
    "LoadStmt": _wide("a library of the server"),
    "CheckPointStmt": _wide("the server's checkpoints"),
}
