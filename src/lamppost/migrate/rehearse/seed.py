"""Fills empty tables with made-up rows, so that a scan has something to read.

One row is tried first, and what a check refuses is tried otherwise, until the table takes it; then all rows
go in at once. A table that takes none is named, never passed over in silence.
"""

import psycopg
from psycopg import sql

from lamppost.migrate.rehearse import values
from lamppost.migrate.rehearse.columns import Check, Column, Connection, Key, Table, read

# Tries for one table; what no one of them satisfies is for its author to know.
MOST_TRIES = 80


class Seeder:
    """Keeps the tables of one database filled. `connection` is a superuser's, in autocommit."""

    def __init__(self, connection: Connection, rows: int) -> None:
        self._connection = connection
        self._wanted = rows
        self._seen: set[int] = set()
        # How many rows each table has, by name, and why one has none.
        self.rows: dict[str, int] = {}
        self.unseeded: dict[str, str] = {}
        self.made: set[str] = set()
        self.move(connection)

    def move(self, connection: Connection) -> None:
        """Go on over another connection."""
        self._connection = connection
        # Foreign keys and triggers are the author's code; made-up rows must not set it off.
        connection.execute("set session_replication_role = replica")

    def fill(self) -> None:
        """Fill what is empty and new since the last time."""
        fresh = read(self._connection, frozenset(self._seen))
        for table in fresh:
            self._seen.add(table.oid)
            self._fill(table)
        if fresh:
            self._connection.execute("analyze")

    def empty(self, name: str) -> bool:
        """Take the made-up rows of a table out again. False when its rows are not ours."""
        if name not in self.made:
            return False
        self._connection.execute(sql.SQL("truncate {} cascade").format(_named(name)))
        self.rows[name] = 0
        self.made.discard(name)
        return True

    def _fill(self, table: Table) -> None:
        standing = _count(self._connection, table.schema, table.name)
        if not standing:
            try:
                self._insert(table)
                standing = _count(self._connection, table.schema, table.name)
                self.made.add(str(table))
            except psycopg.Error as refused:
                self.unseeded[str(table)] = str(refused.diag.message_primary or refused)
        self.rows[str(table)] = standing

    def _insert(self, table: Table) -> None:
        """Raises `psycopg.Error` for the first thing that could not be satisfied."""
        parents = {
            key.parent: _count(self._connection, key.schema, key.table)
            for key in table.keys
            if key.parent != table.oid
        }
        chosen = _Choice(table, parents)
        for _ in range(MOST_TRIES):
            try:
                with self._connection.transaction(force_rollback=True):
                    self._send(table, chosen, parents, 1)
                break
            except (psycopg.errors.IntegrityError, psycopg.errors.DataError) as refused:
                if not chosen.otherwise(refused):
                    raise
        self._send(table, chosen, parents, self._wanted)

    def _send(self, table: Table, chosen: "_Choice", parents: dict[int, int], rows: int) -> None:
        self._connection.execute(_statement(table, chosen.expressions, parents, rows))


class _Choice:
    """An expression for each column to be filled; the others take their default or null."""

    def __init__(self, table: Table, parents: dict[int, int]) -> None:
        self._table = table
        self._last: Column | None = None
        self.expressions: dict[int, sql.Composable] = {}
        self._untried: dict[int, list[sql.Composable | None]] = {}
        wanted = {number for key in table.unique for number in key} | {
            number for key in table.keys for number in key.own
        }
        for column in table.columns:
            if column.generated or column.always:
                continue
            usual = _usual(column)
            if usual is not None and (not column.defaulted or (column.number in wanted and column.required)):
                self.expressions[column.number] = usual
        for key in table.keys:
            if parents.get(key.parent) == 0:
                # Nobody to refer to: null, where that is allowed.
                for number in key.own:
                    one = table.column(number)
                    if one is not None and not one.required:
                        self.expressions.pop(number, None)

    def otherwise(self, refused: psycopg.Error) -> bool:
        """Change what the server refused; False when nothing is left to try."""
        diag = refused.diag
        columns = [column for column in self._table.columns if column.name == diag.column_name]
        checks = [check for check in self._table.checks if check.name == diag.constraint_name]
        if checks:
            columns = [one for number in checks[0].columns if (one := self._table.column(number))]
        elif not columns and self._table.bounds:
            checks = [Check("bounds", (), self._table.bounds)]
            columns = [one for one in self._table.columns if one.name in self._table.bounds]
        elif not columns:
            columns = [one for one in self._table.columns if diag.datatype_name == one.type.split(".")[-1]]
        if not columns and self._last is not None:
            columns = [self._last]
        definition = checks[0].definition if checks else ""
        return any(self._next(column, definition) for column in columns)

    def _next(self, column: Column, definition: str) -> bool:
        if column.generated or column.always:
            return False
        if column.number not in self._untried:
            self._untried[column.number] = list(_others(column, definition))
        if not self._untried[column.number]:
            return False
        self._last = column
        chosen = self._untried[column.number].pop(0)
        if chosen is None:
            self.expressions.pop(column.number, None)
        else:
            self.expressions[column.number] = chosen
        return True


def _usual(column: Column) -> sql.Composable | None:
    """What a column of this type usually gets; None where nothing is known and null will do."""
    named = sql.SQL(column.type)
    if column.kind == "e":
        return sql.SQL("(enum_range(null::{0}))[1 + g % cardinality(enum_range(null::{0}))]").format(named)
    if column.element is not None:
        inner = values.of_type(column.element, None)
        return sql.SQL("array[{}]").format(sql.SQL(inner)) if inner else sql.SQL("'{}'")
    if column.base == "numeric" and column.room is not None:
        # The modifier holds digits and scale: stay below the smallest number with one digit too many.
        digits = ((column.room >> 16) & 0xFFFF) - (column.room & 0x7FF)
        return sql.SQL("g % {}").format(sql.Literal(10 ** max(digits, 0)))
    text = values.of_type(column.base, column.room)
    if text is None:
        return sql.Literal(values.GUESSES[0]) if column.required else None
    return sql.SQL(text)


def _others(column: Column, definition: str) -> list[sql.Composable | None]:
    """What else it could hold: nothing, its check's own constants and times after them, usual shapes."""
    constants = values.literals(definition)
    found: list[sql.Composable | None] = [None] if column.defaulted or not column.required else []
    if column.base in {"date", "timestamp", "timestamptz"}:
        step = sql.SQL("({})::timestamptz + (g % 80000) * interval '1 second'")
        found += [step.format(sql.Literal(one)) for one in constants if "-" in one]
    found += [sql.Literal(one) for one in constants]
    found += [sql.SQL(text) for text in values.candidates(column.base)]
    if not values.candidates(column.base):
        found += [sql.Literal(text) for text in values.GUESSES]
    return found


def _statement(
    table: Table, expressions: dict[int, sql.Composable], parents: dict[int, int], rows: int
) -> sql.Composed:
    """Insert `rows` rows; `parents` says how many rows each parent has to refer to."""
    chosen: dict[int, sql.Composable] = {
        one.number: sql.SQL("({})::{}").format(expressions[one.number], sql.SQL(one.type))
        for one in table.columns
        if one.number in expressions
    }
    joins: list[sql.Composable] = []
    for place, key in enumerate(table.keys):
        if key.parent == table.oid:
            chosen |= _rooted(table, key, chosen)
        elif parents.get(key.parent):
            joins.append(_join(place, key, parents[key.parent]))
            chosen |= {
                own: sql.Identifier(f"p{place}", their)
                for own, their in zip(key.own, key.theirs, strict=True)
                if own in chosen
            }
    names = [one for one in table.columns if one.number in chosen]
    return sql.SQL(
        "insert into {table} {names} select {values} from generate_series(1, {rows}::int8) as g {joins}"
        " on conflict do nothing"
    ).format(
        table=sql.Identifier(table.schema, table.name),
        names=_listed([one.name for one in names]),
        values=sql.SQL(", ").join(chosen[one.number] for one in names),
        rows=sql.Literal(rows),
        joins=sql.SQL(" ").join(joins),
    )


def _listed(names: list[str]) -> sql.Composable:
    """The columns in brackets; nothing when every one of them takes its default."""
    if not names:
        return sql.SQL("")
    return sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Identifier, names)))


def _rooted(table: Table, key: Key, chosen: dict[int, sql.Composable]) -> dict[int, sql.Composable]:
    """A tree whose every node is its own root."""
    numbers = {one.name: one.number for one in table.columns}
    pairs = zip(key.own, key.theirs, strict=True)
    return {own: chosen[numbers[their]] for own, their in pairs if own in chosen and numbers[their] in chosen}


def _join(place: int, key: Key, count: int) -> sql.Composed:
    """Row after row of the parent, again from the first when they are used up."""
    return sql.SQL(
        "join (select row_number() over () as place, {theirs} from {parent}) as {alias}"
        " on {alias}.place = 1 + (g - 1) % {count}"
    ).format(
        theirs=sql.SQL(", ").join(map(sql.Identifier, dict.fromkeys(key.theirs))),
        parent=sql.Identifier(key.schema, key.table),
        alias=sql.Identifier(f"p{place}"),
        count=sql.Literal(count),
    )


def _count(connection: Connection, schema: str, table: str) -> int:
    row = connection.execute(
        sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table))
    ).fetchone()
    return int(row[0]) if row else 0


def _named(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split(".", 1))
