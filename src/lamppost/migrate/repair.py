"""What is wrong in a ledger, and mending it: each change is named, and none touches a service's rows.

A file whose SQL was edited is never mended here: the database has what was applied, not what it says now.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from lamppost.errors import AuthorError
from lamppost.migrate import indexes, ledger, records
from lamppost.migrate.files import LOOSE, Bundle, hash_of
from lamppost.migrate.held import held
from lamppost.migrate.statements import split
from lamppost.migrate.states import classify

Kind = Literal["hash", "rehash", "forget", "restart", "index"]

FILL = """
update public.schema_migrations
   set sha256 = %(sha256)s, text_sha256 = %(text_sha256)s, service = %(service)s, text = %(text)s
 where name = %(name)s
"""
REMOVE = "delete from public.schema_migrations where name = %s"
SETTLE = """
update public.schema_migrations set statements = %(statements)s, sha256 = %(ran)s, running = null
 where name = %(name)s and running = %(running)s
"""


class Repair(msgspec.Struct, frozen=True):
    """One change: `hash` and `rehash` fill in a row, `forget` and `restart` remove one, `index` drops one.

    `subject` is a file's name, or `schema.index`.
    """

    kind: Kind
    subject: str
    about: str


class Doubt(msgspec.Struct, frozen=True):
    """A statement that began and whose end nobody noted. Only a person can say whether it ran."""

    name: str
    statement: int
    text: str


class Findings(msgspec.Struct, frozen=True):
    """What can be mended, and what a person must decide."""

    repairs: tuple[Repair, ...]
    doubts: tuple[Doubt, ...]


def look(connection: ledger.Connection, bundle: Bundle) -> Findings:
    """What is wrong. Reads only."""
    rows = ledger.read(connection)
    doubtful = [row for row in rows if row.running is not None]
    texts = ledger.with_texts(connection, rows, [row.name for row in doubtful]) if doubtful else ()
    doubts = [_doubt(row) for row in texts if row.running is not None]
    found = [*_rows(bundle, rows), *_indexes(connection, bundle)]
    return Findings(tuple(found), tuple(doubts))


def repair(
    conninfo: str, bundle: Bundle, wanted: Sequence[Repair], *, role: str | None = None
) -> tuple[Repair, ...]:
    """Make those of the `wanted` changes that are still due; what was changed."""
    with held(conninfo, role) as connection:
        due = [one for one in look(connection, bundle).repairs if one in wanted]
        for one in due:
            _mend(connection, bundle, one)
        return tuple(due)


def settle(conninfo: str, bundle: Bundle, name: str, *, ran: bool, role: str | None = None) -> Doubt:
    """Note that the statement in doubt of `name` ran, or that it did not and shall be sent again.

    Raises `AuthorError` where nothing is in doubt.
    """
    with held(conninfo, role) as connection:
        rows = ledger.with_texts(connection, ledger.read(connection), [name])
        row = next((row for row in rows if row.name == name and row.running is not None), None)
        file = next((one for one in bundle.migrations if one.name == name), None)
        if row is None or row.running is None or file is None:
            raise AuthorError(
                f"{name}: none of its statements is in doubt",
                fix="look: lamppost migrate repair",
                code="repair_settled",
            )
        doubt = _doubt(row)
        done = row.running if ran else row.running - 1
        # As it stood when it began: the rest of the file may have been mended since.
        statements = split(row.text or file.text)
        values = {"statements": done, "ran": hash_of(statements[:done]), "name": name, "running": row.running}
        connection.execute(SETTLE, values)
        return doubt


def _rows(bundle: Bundle, rows: Sequence[ledger.Row]) -> list[Repair]:
    known = {row.name: row for row in rows}
    found = []
    for entry in classify(bundle, rows, allow_late=True).entries:
        row = known.get(entry.name)
        if row is None:
            continue
        if entry.state == "missing":
            found.append(Repair("forget", entry.name, "its row is removed: the file is gone"))
        elif row.statements == 0 and row.running is None and entry.state == "edited":
            found.append(Repair("restart", entry.name, "its row is removed: it began, and nothing of it ran"))
        elif entry.state == "applied" and row.sha256 is None:
            about = "its hash is filled in, as another tool applied it and nobody knows its text then"
            found.append(Repair("hash", entry.name, about))
        elif entry.state == "applied" and entry.about:
            found.append(
                Repair("rehash", entry.name, "its hash is taken anew: only spaces or line ends changed")
            )
    return found


def _indexes(connection: ledger.Connection, bundle: Bundle) -> list[Repair]:
    schemas = None if LOOSE in bundle.services else set(bundle.services)
    return [
        Repair(
            "index",
            f"{schema}.{index}",
            f"the index is dropped: INVALID, it only slows down writes to {table}",
        )
        for schema, index, table in indexes.invalid(connection)
        if schemas is None or schema in schemas
    ]


def _mend(connection: ledger.Connection, bundle: Bundle, one: Repair) -> None:
    if one.kind == "index":
        for schema, index, _ in indexes.invalid(connection):
            if f"{schema}.{index}" == one.subject:
                indexes.drop(connection, schema, index)
    elif one.kind in {"forget", "restart"}:
        connection.execute(REMOVE, (one.subject,))
    else:
        file = next(migration for migration in bundle.migrations if migration.name == one.subject)
        connection.execute(FILL, records.values_of(file))


def _doubt(row: ledger.Row) -> Doubt:
    count = row.running or 1
    text = split(row.text)[count - 1 : count] if row.text else ()
    return Doubt(row.name, count, text[0] if text else "(its text was not kept)")
