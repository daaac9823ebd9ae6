"""The commonest long statements, read without building their trees.

A table's columns, a view's query and an insert's rows make up most of the parser's JSON, and seldom does a
rule ask for them. A glance gives up (None) where there is more to a statement than it can tell.
"""

from collections.abc import Callable, Sequence

import msgspec

from lamppost.migrate.lint import model
from lamppost.migrate.lint.columns import table_parts
from lamppost.migrate.lint.lazy import Tree
from lamppost.migrate.lint.model import Kind, Name
from lamppost.migrate.lint.newer import may_need_newer


class _Table(msgspec.Struct):
    relname: str = ""
    schemaname: str | None = None
    relpersistence: str = ""

    @property
    def name(self) -> Name:
        return Name(self.schemaname, self.relname)


class _Create(msgspec.Struct):
    relation: _Table
    if_not_exists: bool = False


class _View(msgspec.Struct):
    view: _Table
    replace: bool = False


class _Conflict(msgspec.Struct, frozen=True):
    action: str = ""


class _Insert(msgspec.Struct):
    relation: _Table
    on_conflict: _Conflict = msgspec.field(default=_Conflict(), name="onConflictClause")


_create = msgspec.json.Decoder(_Create).decode
_view = msgspec.json.Decoder(_View).decode
_insert = msgspec.json.Decoder(_Insert).decode

# What a table has besides columns and constraints of its own.
_KIN = (b'"inhRelations"', b'"partbound"', b'"TableLikeClause"', b'"ofTypename"')
# Where rows come from if not from the statement itself, and what is called for them.
_SOURCES = (b'"FuncCall"', b'"fromClause"', b'"withClause"')


def _table(tree: Tree) -> Sequence[Kind] | None:
    json = tree.json
    if any(word in json for word in _KIN) or may_need_newer(json):
        return None
    seen = _create(json)
    return [
        model.CreateTable(
            table=seen.relation.name,
            parts=lambda: table_parts(tree.node),
            temporary=seen.relation.relpersistence == "t",
            if_not_exists=seen.if_not_exists,
            partitioned=b'"partspec"' in json,
        )
    ]


def _made_view(tree: Tree) -> Sequence[Kind]:
    seen = _view(tree.json)
    return [model.Make("view", seen.view.name, seen.replace)]


def _rows(tree: Tree) -> Sequence[Kind] | None:
    json = tree.json
    if b'"selectStmt":{"SelectStmt":{"valuesLists":' not in json or any(word in json for word in _SOURCES):
        return None
    seen = _insert(json)
    upsert = seen.on_conflict.action == "ONCONFLICT_UPDATE"
    return [model.Insert(seen.relation.name, "few", (), upsert)]


GLANCES: dict[str, Callable[[Tree], Sequence[Kind] | None]] = {
    "CreateStmt": _table,
    "ViewStmt": _made_view,
    "InsertStmt": _rows,
}
