"""How much a file would weigh on a database in use: locks, rows read and written, and who waits meanwhile.

Pure: the facts of the database come in (`sizes.survey` reads them), a judgement goes out. What a rehearsal
sees on a real server is compared with it there.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from lamppost.migrate import header
from lamppost.migrate.effects.kinds import (
    MODES,
    Effect,
    Locks,
    Mode,
    Rewrites,
    Scans,
    Unknown,
    Waits,
    stronger,
    waits,
)
from lamppost.migrate.effects.statement import effects
from lamppost.migrate.files import Migration
from lamppost.migrate.lint import model
from lamppost.migrate.lint.facts import Facts, Known
from lamppost.migrate.lint.model import Name, Statement
from lamppost.migrate.lint.parse import Parsed, Unreadable, parse
from lamppost.migrate.lint.source import Source
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.translate import Translator

Risk = Literal["none", "short lock", "scan", "unknown", "rewrite"]
# From the lightest to the heaviest.
RISKS: tuple[Risk, ...] = ("none", "short lock", "scan", "unknown", "rewrite")
WIDTH = 100


class StatementRisk(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a file: its first `line` (from 1) and that line's text.

    `locks` are the strongest modes by table, of tables that stood before the file. `rows` and `bytes` are of
    the largest table that is read or written whole, as far as they are known. `waits` says who waits for
    what the transaction holds until this statement is done.
    """

    line: int
    text: str
    locks: tuple[tuple[str, Mode], ...] = ()
    rewrites: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    rows: int | None = None
    bytes: int | None = None
    waits: Waits = "nobody"
    risk: Risk = "none"
    about: str = ""
    # Of each table in `rewrites` and `scans` its rows, None where nobody counted them.
    sizes: tuple[tuple[str, int | None], ...] = ()


class FileRisk(msgspec.Struct, frozen=True):
    """A file and its statements."""

    name: str
    in_transaction: bool
    statements: tuple[StatementRisk, ...]

    @property
    def heaviest(self) -> Risk:
        """The gravest word among its statements."""
        return max((one.risk for one in self.statements), key=RISKS.index, default="none")


def judge(migration: Migration, facts: Facts, *, pg: str) -> FileRisk:
    """What `migration` would do to a database of which `facts` hold, on a server of version `pg` ("17")."""
    return _File(migration, facts, pg, set()).judged()


def judge_all(migrations: Iterable[Migration], facts: Facts, *, pg: str) -> tuple[FileRisk, ...]:
    """The same for files that follow each other: a table made by one is new and empty for the next."""
    found: list[FileRisk] = []
    facts, made = facts.copy(), set[Name]()
    for migration in migrations:
        file = _File(migration, facts, pg, made)
        found.append(file.judged())
        file.teach(facts, made)
    return tuple(found)


def too_heavy(risk: FileRisk, limit_rows: int) -> str | None:
    """A sentence on the first statement that reads or writes more than `limit_rows` rows of a table, or None.

    A table whose size nobody knows counts as larger, unless the files make it themselves.
    """
    for statement in risk.statements:
        for table, rows in statement.sizes:
            if rows is None or rows > limit_rows:
                does = "writes all rows of" if table in statement.rewrites else "reads all rows of"
                many = "nobody knows how many" if rows is None else f"about {rows:,}"
                return (
                    f"{risk.name}:{statement.line}: `{statement.text}` {does} {table}, {many};"
                    f" a deploy may do so for {limit_rows:,} at most"
                )
        if statement.risk == "unknown":
            return (
                f"{risk.name}:{statement.line}: `{statement.text}` cannot be judged beforehand:"
                f" {statement.about}"
            )
    return None


class _File:
    """One file under judgement: what it does, and what is held meanwhile."""

    def __init__(self, migration: Migration, facts: Facts, pg: str, made: set[Name]) -> None:
        self._migration = migration
        # Tables that earlier files of the same deploy make: no traffic knows them yet.
        self._made = made
        self._facts = facts
        self._source = Source(migration.text.encode())
        major = int(pg.split(".", maxsplit=1)[0])
        self._state = State(
            header.read(migration.text), service=migration.service, pg=(major, None), before=Known(facts)
        )
        self._held: dict[Name, Mode] = {}
        self._statements: list[Statement] = []

    def judged(self) -> FileRisk:
        """Every statement in order."""
        translator = Translator(self._source)
        groups: list[tuple[Parsed | None, list[Statement | Unreadable]]] = []
        for parsed in parse(self._source):
            if isinstance(parsed, Unreadable):
                groups.append((None, [parsed]))
            else:
                groups.append((parsed, list(translator.statements(parsed))))
        self._statements = [one for _, group in groups for one in group if isinstance(one, Statement)]
        self._state.expect(self._statements)
        found = tuple(self._one(parsed, group) for parsed, group in groups)
        by_line = tuple(sorted(found, key=lambda one: one.line))
        return FileRisk(self._migration.name, self._migration.in_transaction, by_line)

    def teach(self, facts: Facts, made: set[Name]) -> None:
        """Let `facts` be those of the time after this file, and `made` know its tables."""
        before = facts.tables.copy()
        facts.learn(self._statements)
        for statement in self._statements:
            match statement.what:
                case model.CreateTable(table=table) if table not in before:
                    made.add(table)
                    facts.rows[table] = 0
                case model.CreateFrom(table=table, reach=reach) if table not in before:
                    made.add(table)
                    facts.tables.add(table)
                    if reach in {"none", "few"}:
                        facts.rows[table] = 0
                case model.Drop(names=names):
                    made.difference_update(names)
                    facts.tables.difference_update(names)
                case model.Rename(of=of, part=None, to=to) if of in made:
                    made.add(Name(of.schema, to))
                    facts.tables.add(Name(of.schema, to))
                    facts.rows[Name(of.schema, to)] = facts.rows.get(of, 0)
                case model.Insert(table=table, reach="some" | "all"):
                    facts.rows.pop(table, None)
                case model.CreateIndex(table=table, index=index) if index:
                    facts.index_tables[Name(table.schema, index)] = table

    def _one(self, parsed: Parsed | None, group: Sequence[Statement | Unreadable]) -> StatementRisk:
        if parsed is None:
            wrong = group[0]
            assert isinstance(wrong, Unreadable)
            return StatementRisk(line=wrong.line, text="", risk="unknown", about=wrong.message)
        raw = self._source.raw[parsed.start : parsed.end].decode().strip()
        text = raw.split("\n")[0].strip()
        text = text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
        line = self._source.line(parsed.start)
        found = [
            effect
            for one in group
            for effect in (self._happens(one, frozenset()) if isinstance(one, Statement) else (_unread(one),))
        ]
        return self._weighed(line, text, found)

    def _happens(self, statement: Statement, calling: frozenset[Name]) -> Iterator[Effect]:
        """The effects of a statement, and of functions that this file made and it calls."""
        state, what = self._state, statement.what
        state.enter(statement)
        if isinstance(what, model.Transaction):
            self._held.clear()
        yield from effects(what, state)
        if isinstance(what, model.Call):
            name = state.resolved(what.function)
            made = state.functions.get(name)
            if made and name not in calling:
                for inner in made.body:
                    yield from self._happens(
                        msgspec.structs.replace(inner, inside="do", tree=None), calling | {name}
                    )
                state.enter(statement)
        state.leave(statement)

    def _weighed(self, line: int, text: str, found: list[Effect]) -> StatementRisk:
        locks: dict[Name, Mode] = {}
        for effect in found:
            if isinstance(effect, Locks) and (table := self._state.resolved(effect.table)) not in self._made:
                locks[table] = stronger(locks.get(table, MODES[0]), effect.mode)
        held = self._hold(locks)
        rewrites = {self._state.resolved(one.table) for one in found if isinstance(one, Rewrites)}
        scans = {self._state.resolved(one.table) for one in found if isinstance(one, Scans)} - rewrites
        empty = {table for table in self._made if self._rows(table) == 0}
        rewrites, scans = rewrites - empty, scans - empty
        sizes = {table: self._rows(table) for table in sorted(rewrites | scans, key=str)}
        known = [rows for rows in sizes.values() if rows is not None]
        about = next((one.why for one in found if isinstance(one, Unknown)), "")
        everyone: Sequence[Waits] = ("nobody", "writers", "everybody")
        return StatementRisk(
            line=line,
            text=text,
            locks=tuple(
                (str(table), mode) for table, mode in sorted(locks.items(), key=lambda one: str(one[0]))
            ),
            rewrites=tuple(sorted(map(str, rewrites))),
            scans=tuple(sorted(map(str, scans))),
            rows=None if None in sizes.values() or not sizes else max(known),
            bytes=max((self._facts.bytes[one] for one in sizes if one in self._facts.bytes), default=None),
            waits=max((waits(mode) for mode in held.values()), key=everyone.index, default="nobody"),
            risk=_word(locks, rewrites, sizes, about),
            about=about,
            sizes=tuple((str(table), rows) for table, rows in sizes.items()),
        )

    def _hold(self, locks: dict[Name, Mode]) -> dict[Name, Mode]:
        """What is held while the statement runs: its own locks, and those of the transaction before it."""
        held = dict(self._held)
        for table, mode in locks.items():
            held[table] = stronger(held.get(table, MODES[0]), mode)
        self._held = held if self._state.in_transaction else {}
        return held

    def _rows(self, table: Name) -> int | None:
        rows = self._facts.rows.get(table)
        return None if rows is None else round(rows)


def _word(locks: dict[Name, Mode], rewrites: set[Name], sizes: dict[Name, int | None], about: str) -> Risk:
    full = {table for table, rows in sizes.items() if rows != 0}
    if rewrites & full:
        return "rewrite"
    if about:
        return "unknown"
    if full:
        return "scan"
    return "short lock" if any(waits(mode) != "nobody" for mode in locks.values()) else "none"


def _unread(one: Unreadable) -> Effect:
    return Unknown(one.message)
