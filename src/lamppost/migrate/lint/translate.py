"""PostgreSQL's parse tree becomes the kinds of statement the rules speak about."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from pglast.parser import ParseError

from lamppost.migrate.lint import bodies, model
from lamppost.migrate.lint.alter import alter_table
from lamppost.migrate.lint.columns import column, constraint
from lamppost.migrate.lint.model import Change, CreateFunction, Kind, Loop, Name, Node, Statement
from lamppost.migrate.lint.parse import Parsed, Unreadable, body, query
from lamppost.migrate.lint.queries import QUERIES, Filled, selected
from lamppost.migrate.lint.queries import query as query_kinds
from lamppost.migrate.lint.source import Source
from lamppost.migrate.lint.tree import constant, named, relation, string, strings

_WORD = {"OBJECT_MATVIEW": "materialized view"}


def word(objtype: str) -> str:
    """`OBJECT_FOREIGN_TABLE` as one says it."""
    return _WORD.get(objtype) or objtype.removeprefix("OBJECT_").replace("_", " ").lower()


def options(listed: Any) -> dict[str, Any]:
    """DefElems by name; one without a value is true."""
    found: dict[str, Any] = {}
    for item in listed or ():
        element = item["DefElem"]
        value = element.get("arg")
        if value is None:
            found[element["defname"]] = True
        elif "String" in value:
            found[element["defname"]] = string(value)
        elif "Integer" in value:
            found[element["defname"]] = value["Integer"].get("ival", 0)
        elif "Boolean" in value:
            found[element["defname"]] = value["Boolean"].get("boolval", False)
        else:
            found[element["defname"]] = value
    return found


def switched_on(found: dict[str, Any], name: str) -> bool:
    """Whether an option such as `(concurrently false)` is on."""
    value = found.get(name, False)
    return value is True or str(value).lower() in {"true", "on", "1"}


class Translator:
    """Turns one file's statements into ours. Remembers new columns and prepared queries for later."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._filled: Filled = {}
        self._prepared: dict[str, tuple[str, Node]] = {}
        # A function's body that PostgreSQL would refuse.
        self._wrong: ParseError | None = None

    def statements(self, parsed: Parsed) -> Iterator[Statement | Unreadable]:
        """What one statement of the file makes happen, one after the other."""
        line = self._source.line(parsed.start)
        if parsed.kind == "DoStmt":
            yield from self._do(parsed, line)
            return
        first = True
        for what in self.kinds(parsed.kind, parsed.node, parsed):
            yield Statement(line, what, node=parsed.node if first else None, first=first)
            first = False
            if isinstance(what, model.AlterTable):
                self._remember(what)
        if first:
            yield Statement(line, model.Other(parsed.kind), node=parsed.node, first=True)
        if self._wrong:
            yield _wrong(line, self._wrong)
            self._wrong = None

    def kinds(self, kind: str, node: Node, parsed: Parsed | None = None) -> Iterator[Kind]:
        """One parsed statement as ours; several where one does several things."""
        if kind in QUERIES:
            yield from query_kinds(kind, node, self._filled)
        elif kind == "CreateFunctionStmt":
            yield self._function(node, parsed)
        elif kind == "PrepareStmt":
            self._prepared[node["name"]] = next(iter(node["query"].items()))
        elif kind == "ExecuteStmt":
            if node["name"] in self._prepared:
                yield from self.kinds(*self._prepared[node["name"]])
        elif kind == "ExplainStmt":
            if switched_on(options(node.get("options")), "analyze"):
                yield from self.kinds(*next(iter(node["query"].items())))
        elif kind == "CreateSchemaStmt":
            yield from self._schema(node)
        elif kind in _TABLE:
            yield from _TABLE[kind](node)

    def _schema(self, node: Node) -> Iterator[Kind]:
        name = node.get("schemaname", "")
        yield model.Make("schema", Name(None, name))
        for element in node.get("schemaElts", []):
            inner, fields = next(iter(element.items()))
            if "relation" in fields:
                fields = {**fields, "relation": {"schemaname": name, **fields["relation"]}}
            yield from self.kinds(inner, fields)

    def _remember(self, altered: model.AlterTable) -> None:
        added = {
            action.column.name
            for action in altered.actions
            if isinstance(action, model.AddColumn)
            and action.column.default is None
            and not action.column.generated
        }
        self._filled[altered.table] = self._filled.get(altered.table, frozenset()) | added

    def _do(self, parsed: Parsed, line: int) -> Iterator[Statement | Unreadable]:
        found = options(parsed.node.get("args"))
        if str(found.get("language", "plpgsql")).lower() != "plpgsql":
            yield Statement(line, model.Dynamic(f"a block in {found['language']}"), "do", parsed.node, True)
            return
        yield Statement(line, model.Other("DoStmt"), "do", parsed.node, True)
        try:
            yield from self._body(parsed, self._body_line(parsed, "args", line), "do")
        except ParseError as wrong:
            yield _wrong(line, wrong)

    def _body(self, parsed: Parsed, line: int, inside: Any) -> Iterator[Statement]:
        text = self._source.raw[parsed.start : parsed.end].decode()
        for piece in bodies.pieces(body(text)):
            at = line + piece.line - 1
            if piece.dynamic:
                yield Statement(at, model.Dynamic(piece.dynamic), inside)
            for kind, node in piece.statements:
                first = True
                for what in self.kinds(kind, node):
                    looped = Loop(what, piece.loop) if isinstance(what, Change) and piece.loop else what
                    yield Statement(at, looped, inside, node if first else None, first)
                    first = False
                if first:
                    yield Statement(at, model.Other(kind), inside, node, True)

    def _body_line(self, parsed: Parsed, where: str, line: int) -> int:
        for item in parsed.node.get(where, []):
            if item["DefElem"]["defname"] == "as":
                at = item["DefElem"].get("arg_location", -1)
                return self._source.line(parsed.base + at) if at >= 0 else line
        return line

    def _function(self, node: Node, parsed: Parsed | None) -> CreateFunction:
        found = options(node.get("options"))
        language = str(found.get("language", "sql" if "sql_body" in node else "")).lower()
        settings = [
            item["DefElem"].get("arg", {}).get("VariableSetStmt", {}) for item in node.get("options", [])
        ]
        try:
            inside = tuple(self._function_body(node, parsed, language, found)) if parsed else ()
        except ParseError as wrong:
            inside, self._wrong = (), wrong
        return CreateFunction(
            name=named(strings(node.get("funcname"))),
            volatility=str(found.get("volatility", "volatile")).lower(),
            language=language,
            body=inside,
            definer=switched_on(found, "security"),
            path_set=any(setting.get("name") == "search_path" for setting in settings),
        )

    def _function_body(
        self, node: Node, parsed: Parsed, language: str, found: dict[str, Any]
    ) -> Iterator[Statement]:
        line = self._body_line(parsed, "options", self._source.line(parsed.start))
        if language == "plpgsql":
            yield from self._body(parsed, line, "function")
        elif language == "sql":
            text = next(iter(strings(found.get("as"))), "")
            inner = query(text) if text else list(_atomic(node.get("sql_body")))
            for kind, fields in inner:
                for what in self.kinds(kind, fields):
                    yield Statement(line, what, "function", fields, True)


def _wrong(line: int, error: ParseError) -> Unreadable:
    return Unreadable(
        line, f"the body cannot be read: {error.args[0]}", "correct it; the server would refuse it"
    )


def _atomic(tree: Any) -> Iterator[tuple[str, Node]]:
    """The statements of a `begin atomic` or `return` body."""
    if isinstance(tree, list):
        for item in tree:
            yield from _atomic(item)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key in QUERIES:
                yield key, value
            elif key in {"List", "items"}:
                yield from _atomic(value)


def _create(node: Node) -> Iterator[Kind]:
    elements = node.get("tableElts", [])
    columns = tuple(column(item["ColumnDef"]) for item in elements if "ColumnDef" in item)
    parents = node.get("inhRelations", [])
    kinds = {
        "CONSTR_CHECK",
        "CONSTR_FOREIGN",
        "CONSTR_UNIQUE",
        "CONSTR_PRIMARY",
        "CONSTR_EXCLUSION",
        "CONSTR_NOTNULL",
    }
    yield model.CreateTable(
        table=relation(node["relation"]),
        columns=columns,
        constraints=tuple(
            constraint(item["Constraint"])
            for item in elements
            if "Constraint" in item and item["Constraint"]["contype"] in kinds
        ),
        partition_of=relation(parents[0].get("RangeVar")) if "partbound" in node and parents else None,
        temporary=node["relation"].get("relpersistence") == "t",
        if_not_exists=bool(node.get("if_not_exists")),
        partitioned="partspec" in node,
    )


def _create_as(node: Node) -> Iterator[Kind]:
    into = node["into"]
    inner, fields = next(iter(node["query"].items()))
    reach = "few" if into.get("skipData") or inner != "SelectStmt" else selected(fields)
    yield model.CreateFrom(
        relation(into["rel"]),
        "materialized view" if node.get("objtype") == "OBJECT_MATVIEW" else "table",
        reach,
        bool(node.get("if_not_exists")),
        into["rel"].get("relpersistence") == "t",
    )


def _index(node: Node) -> Iterator[Kind]:
    yield model.CreateIndex(
        table=relation(node["relation"]),
        index=node.get("idxname"),
        unique=bool(node.get("unique")),
        concurrently=bool(node.get("concurrent")),
        if_not_exists=bool(node.get("if_not_exists")),
        only=not node["relation"].get("inh", False),
        columns=len(node.get("indexParams", [])),
    )
    if node.get("nulls_not_distinct"):
        yield model.NewerServer("nulls not distinct", 15)


def objects(node: Node) -> tuple[Name, ...]:
    """The names a `drop`, `grant` or `comment` lists, in whatever wrapping the parser chose."""
    return tuple(named(parts) for parts in map(_parts, node.get("objects", [])) if parts)


def _parts(item: Node) -> tuple[str, ...]:
    kind, fields = next(iter(item.items()))
    match kind:
        case "String":
            return (string(item),)
        case "List":
            return strings(item)
        case "TypeName":
            return strings(fields.get("names"))
        case "ObjectWithArgs":
            return strings(fields.get("objname"))
        case "RangeVar":
            return tuple(part for part in (fields.get("schemaname"), fields.get("relname")) if part)
    return ()


def _drop(node: Node) -> Iterator[Kind]:
    kind = word(node["removeType"])
    on = None
    names = objects(node)
    if kind in {"trigger", "policy", "rule"}:
        parts = _parts(node["objects"][0])
        on, names = named(parts[:-1]), (Name(None, parts[-1]),)
    yield model.Drop(kind, names, bool(node.get("concurrent")), node.get("behavior") == "DROP_CASCADE", on)


def _rename(node: Node) -> Iterator[Kind]:
    kind = word(node["renameType"])
    if kind == "tabconstraint":
        kind = "constraint"
    of = relation(node["relation"]) if "relation" in node else Name(None, node.get("subname", ""))
    if "object" in node:
        of = named(_parts(node["object"]))
    part = node.get("subname") if "relation" in node or "object" in node else None
    yield model.Rename(kind, of, part, node.get("newname", ""))


def _move(node: Node) -> Iterator[Kind]:
    name = relation(node["relation"]) if "relation" in node else named(_parts(node.get("object", {"": {}})))
    yield model.Move(word(node.get("objectType", "")), name, node.get("newschema", ""))


def _owner(node: Node) -> Iterator[Kind]:
    name = relation(node["relation"]) if "relation" in node else named(_parts(node.get("object", {"": {}})))
    yield model.Owner(word(node.get("objectType", "")), name, node.get("newowner", {}).get("rolename", ""))


def _enum(node: Node) -> Iterator[Kind]:
    name = named(strings(node.get("typeName")))
    if "oldVal" in node:
        yield model.Rename("enum label", name, node["oldVal"], node["newVal"])
    else:
        yield model.AddLabel(name, node["newVal"])


def _alter_domain(node: Node) -> Iterator[Kind]:
    added = node.get("def", {}).get("Constraint", {})
    scans = (node["subtype"] == "C" and not added.get("skip_validation")) or node["subtype"] in {"O", "V"}
    # Validating reads every table too, but lets writers go on.
    yield model.AlterDomain(named(strings(node["typeName"])), scans and node["subtype"] != "V")


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


def _default_grant(node: Node) -> Iterator[Kind]:
    found = options(node.get("options"))
    schemas = tuple(Name(None, schema) for schema in strings(found.get("schemas")))
    inner = next(_grant(node.get("action", {})))
    assert isinstance(inner, model.Grant)
    yield msgspec.structs.replace(inner, kind="schema", names=schemas, default=True)


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


def _policy(node: Node) -> Iterator[Kind]:
    table = relation(node["table"])
    yield model.Make("policy", Name(None, node["policy_name"]), on=table)


def _rule(node: Node) -> Iterator[Kind]:
    yield model.Trigger("rule", relation(node["relation"]), node["rulename"], None)


def _wide(what: str) -> Callable[[Node], Iterator[Kind]]:
    def wide(node: Node) -> Iterator[Kind]:
        name = node.get("extname") or node.get("dbname") or node.get("role", {}).get("rolename") or ""
        if isinstance(node.get("role"), str):
            name = node["role"]
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


_TABLE: dict[str, Callable[[Node], Iterator[Kind]]] = {
    "CreateStmt": _create,
    "CreateTableAsStmt": _create_as,
    "IndexStmt": _index,
    "AlterTableStmt": alter_table,
    "DropStmt": _drop,
    "RenameStmt": _rename,
    "AlterObjectSchemaStmt": _move,
    "AlterOwnerStmt": _owner,
    "AlterEnumStmt": _enum,
    "AlterDomainStmt": _alter_domain,
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
    "CreateTableSpaceStmt": _wide("a tablespace"),
    "DropTableSpaceStmt": _wide("a tablespace"),
    "CreateExtensionStmt": _wide("the extension"),
    "AlterExtensionStmt": _wide("the extension"),
    "AlterExtensionContentsStmt": _wide("the extension"),
    "CreatePLangStmt": _wide("a language"),
    "CreateEventTrigStmt": _wide("an event trigger"),
    "AlterEventTrigStmt": _wide("an event trigger"),
    "CreateFdwStmt": _wide("a foreign data wrapper"),
    "CreateForeignServerStmt": _wide("a foreign server"),
    "CreateUserMappingStmt": _wide("a user mapping"),
    "CreatePublicationStmt": _wide("a publication"),
    "AlterPublicationStmt": _wide("a publication"),
    "CreateSubscriptionStmt": _wide("a subscription"),
    "AlterSubscriptionStmt": _wide("a subscription"),
    "LoadStmt": _wide("a library of the server"),
    "CheckPointStmt": _wide("the server's checkpoints"),
}
