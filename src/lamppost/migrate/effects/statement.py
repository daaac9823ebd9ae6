"""What each kind of statement does to tables that were there before it."""

from collections.abc import Iterator

from lamppost.migrate.effects.alter import altered
from lamppost.migrate.effects.kinds import MODES, Effect, Locks, Rewrites, Scans, Unknown
from lamppost.migrate.lint import model
from lamppost.migrate.lint.bodies import UNKNOWN
from lamppost.migrate.lint.model import Name
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.tree import of_kind, relation
from lamppost.migrate.lint.volatility import steady_functions

_SYSTEM = {"pg_catalog", "information_schema"}
_LONG = {"some", "all"}
# What stands in the catalog of a table and makes others wait while it is taken out.
_PARTS = {"trigger", "policy", "rule"}
# Built-in functions that are volatile and touch no table.
_HARMLESS = {
    "nextval", "setval", "set_config", "gen_random_uuid", "random", "clock_timestamp", "timeofday",
    "pg_sleep", "currval", "lastval", "uuidv4", "uuidv7", "txid_current",
    "pg_current_xact_id", "setseed", "pg_notify", "count", "raise",
}  # fmt: skip


def effects(what: model.Kind, at: State) -> Iterator[Effect]:
    """What `what` does where `at` stands. What this file or this deploy made itself is of no concern."""
    for effect in _effects(what, at):
        if isinstance(effect, Unknown):
            yield effect
        elif UNKNOWN in effect.table.name:
            yield Unknown("the name of its table is put together while it runs")
        elif not (at.is_new(effect.table) or _system(effect.table)):
            yield effect


def _effects(what: model.Kind, at: State) -> Iterator[Effect]:
    match what:
        case model.AlterTable():
            yield from _altered(what, at)
        case model.CreateIndex() | model.Reindex():
            yield from _index(what, at)
        case model.Change() | model.Read() | model.Insert() | model.Loop() | model.Truncate() | model.Lock():
            yield from _rows(what)
        case model.CreateTable() | model.CreateFrom() | model.Make() | model.Trigger():
            yield from _made(what, at)
        case model.Drop() | model.Rename() | model.Move() | model.Owner():
            yield from _removed(what, at)
        case model.Vacuum() | model.Cluster() | model.Refresh() | model.AlterDomain():
            yield from _maintained(what, at)
        case model.Dynamic(expression):
            yield Unknown(f"its SQL is put together while it runs: {expression}")
        case model.Outside(text):
            yield Unknown(text)
        case model.Call():
            yield from _called(what, at)
        case model.Other(node):
            yield from _other(node, at)


def _altered(what: model.AlterTable, at: State) -> Iterator[Effect]:
    if what.kind == "index":
        table = at.known(what.table).index_tables.get(at.resolved(what.table))
        if table and any(isinstance(action, model.Attach) for action in what.actions):
            yield Locks(table, "ACCESS SHARE")
    elif what.kind in {"table", "foreign table", "materialized view", "view"}:
        yield from altered(what, at)


def _index(what: model.CreateIndex | model.Reindex, at: State) -> Iterator[Effect]:
    mode = MODES[3] if what.concurrently else MODES[4]
    if isinstance(what, model.CreateIndex):
        yield Locks(what.table, mode)
        if not what.only:
            yield Scans(what.table)
        return
    for table in _reindexed(what, at):
        yield Locks(table, mode)
        yield Scans(table)
        if not what.concurrently:
            # Whoever plans a query opens all indexes of its tables: readers wait as well.
            indexes = at.known(table).index_tables.items()
            yield from (Locks(index, "ACCESS EXCLUSIVE") for index, of in indexes if of == at.resolved(table))


def _reindexed(what: model.Reindex, at: State) -> list[Name]:
    schema, _, name = what.name.rpartition(".")
    named = Name(schema or None, name)
    facts = at.known(named)
    if what.kind == "table":
        return [named]
    if what.kind == "index":
        found = facts.index_tables.get(at.resolved(named))
        return [found] if found else []
    return [one for one in facts.tables if what.kind != "schema" or one.schema == what.name]


def _rows(
    what: model.Change | model.Read | model.Insert | model.Loop | model.Truncate | model.Lock,
) -> Iterator[Effect]:
    match what:
        case model.Change(table=table, reach=reach):
            yield Locks(table, "ROW EXCLUSIVE")
            if reach in _LONG:
                yield Scans(table)
        case model.Loop(change=change):
            yield Locks(change.table, "ROW EXCLUSIVE")
            yield Scans(change.table)
        case model.Read(tables=tables, reach=reach, locks=locks):
            for table in tables:
                yield Locks(table, "ROW SHARE" if locks else "ACCESS SHARE")
                if reach in _LONG:
                    yield Scans(table)
        case model.Insert(table=table, reach=reach, copies=copies):
            yield Locks(table, "ROW EXCLUSIVE")
            for source in copies:
                yield Locks(source, "ACCESS SHARE")
                if reach in _LONG:
                    yield Scans(source)
        case model.Truncate(tables=tables):
            yield from (Locks(table, "ACCESS EXCLUSIVE") for table in tables)
        case model.Lock(tables=tables, mode=mode):
            yield from (Locks(table, MODES[mode - 1]) for table in tables)


def _made(
    what: model.CreateTable | model.CreateFrom | model.Make | model.Trigger, at: State
) -> Iterator[Effect]:
    match what:
        case model.CreateTable():
            if what.if_not_exists and at.resolved(what.table) in at.known(what.table).tables:
                return
            if what.partition_of:
                yield Locks(what.partition_of, "ACCESS EXCLUSIVE")
            written = (one for column in what.columns for one in column.constraints)
            for constraint in (*what.constraints, *written):
                if constraint.references and constraint.references != what.table:
                    yield Locks(constraint.references, "SHARE ROW EXCLUSIVE")
        case model.CreateFrom(reach=reach):
            for source in of_kind((at.statement.node or {}).get("query"), "RangeVar"):
                yield Locks(relation(source), "ACCESS SHARE")
                if reach in _LONG:
                    yield Scans(relation(source))
        case model.Make(on=table) if table is not None:
            yield Locks(table, "ACCESS EXCLUSIVE")
        case model.Make(kind="view", name=name, replace=True) if name in at.known(name).tables:
            yield Locks(name, "ACCESS EXCLUSIVE")
        case model.Trigger(kind=kind, table=table):
            yield Locks(table, "SHARE ROW EXCLUSIVE" if kind == "trigger" else "ACCESS EXCLUSIVE")


def _removed(what: model.Drop | model.Rename | model.Move | model.Owner, at: State) -> Iterator[Effect]:
    match what:
        case model.Drop(kind="index", names=names, concurrently=concurrently):
            for name in names:
                table = at.known(name).index_tables.get(at.resolved(name))
                if table:
                    yield Locks(table, "SHARE UPDATE EXCLUSIVE" if concurrently else "ACCESS EXCLUSIVE")
        case model.Drop(kind="schema", names=names):
            for name in names:
                yield from (
                    Locks(one, "ACCESS EXCLUSIVE")
                    for one in sorted(at.known(name).tables, key=str)
                    if one.schema == name.name
                )
        case model.Drop(kind=kind, on=on) if kind in _PARTS and on is not None:
            yield Locks(on, "ACCESS EXCLUSIVE")
        case model.Drop(kind=kind, names=names) if kind in {"table", "view", "materialized view"}:
            yield from (Locks(name, "ACCESS EXCLUSIVE") for name in names)
        case model.Rename(kind="index"):
            pass
        case model.Rename(of=name, part=part, kind=kind) if part or kind in _TABLES:
            if kind not in {"enum label", "attribute"}:
                yield Locks(name, "ACCESS EXCLUSIVE")
        case model.Move(kind=kind, name=name) | model.Owner(kind=kind, name=name) if kind in _TABLES:
            yield Locks(name, "ACCESS EXCLUSIVE")


_TABLES = {"table", "view", "materialized view", "foreign table", "column", "constraint"}


def _maintained(
    what: model.Vacuum | model.Cluster | model.Refresh | model.AlterDomain, at: State
) -> Iterator[Effect]:
    match what:
        case model.Vacuum(tables=tables, full=full):
            for one in tables or sorted(at.known(Name(None, "")).tables, key=str):
                yield Locks(one, "ACCESS EXCLUSIVE" if full else "SHARE UPDATE EXCLUSIVE")
                yield Rewrites(one) if full else Scans(one)
        case model.Cluster(table=table):
            if table is None:
                yield Unknown("every table that was ever clustered is written anew")
            else:
                yield Locks(table, "ACCESS EXCLUSIVE")
                yield Rewrites(table)
        case model.Refresh(view=view, concurrently=concurrently, empty=empty):
            yield Locks(view, "EXCLUSIVE" if concurrently else "ACCESS EXCLUSIVE")
            if not empty:
                yield Rewrites(view)
        case model.AlterDomain(domain=domain, scans=scans):
            if scans:
                for (table, _), printed in at.known(domain).types.items():
                    if printed in {str(domain), domain.name}:
                        yield Locks(table, "SHARE")
                        yield Scans(table)


def _called(what: model.Call, at: State) -> Iterator[Effect]:
    name = what.function
    if at.resolved(name) in at.functions or name.schema in _SYSTEM:
        return
    if name.schema is None and (name.name in steady_functions() or name.name in _HARMLESS):
        return
    said = at.known(name).volatility.get(at.resolved(name))
    if said == "volatile" or (said is None and name.schema is not None):
        yield Unknown(f"{name}() may do anything")


def _other(node: str, at: State) -> Iterator[Effect]:
    if node in {"CommentStmt", "CreateStatsStmt", "VacuumStmt"}:
        # `comment`, `create statistics`, `analyze`: beside all traffic.
        yield from (Locks(name, "SHARE UPDATE EXCLUSIVE") for name, _ in at.uses)


def _system(name: Name) -> bool:
    return name.schema in _SYSTEM or (name.schema is None and name.name.startswith("pg_"))
