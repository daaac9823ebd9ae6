"""Every statement, none with a tenant in it: the wall alone keeps them apart."""

from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import args_row


class Note(msgspec.Struct):
    """A note as it is stored."""

    id: UUID
    number: int
    title: str
    body: str
    version: int


_NOTE = "id, number, title, body, version"
_ADD = f"""
insert into notes.notes (folder_id, number, title, body)
select coalesce(%(folder)s, (select id from notes.folders order by title limit 1)),
       coalesce(%(number)s, (select coalesce(max(number), 0) + 1 from notes.notes)), %(title)s, %(body)s
returning {_NOTE}
"""
_GET = f"select {_NOTE} from notes.notes where id = %s"
_PAGE = f"select {_NOTE} from notes.notes where number > %s order by number limit %s"
_UPDATE = f"""
update notes.notes set title = %(title)s, body = %(body)s, version = version + 1
 where id = %(id)s returning {_NOTE}
"""
_TOUCH = f"update notes.notes set version = version + 1 where id = %s returning {_NOTE}"
_SEARCH = f"select {_NOTE} from notes.notes where body ilike '%%' || %s || '%%' order by number limit 20"


def add(db: Connection[Any], *, title: str, body: str, number: int | None, folder: UUID | None) -> Note:
    """A note, in this folder or the first. A number that is taken raises."""
    given = {"folder": folder, "number": number, "title": title, "body": body}
    return _notes(db, _ADD, given)[0]


def get(db: Connection[Any], id: UUID) -> Note | None:
    """One note."""
    return next(iter(_notes(db, _GET, (id,))), None)


def page(db: Connection[Any], *, after: int, limit: int) -> list[Note]:
    """Notes behind a number."""
    return _notes(db, _PAGE, (after, limit))


def update(db: Connection[Any], id: UUID, *, title: str, body: str) -> Note | None:
    """Another text."""
    return next(iter(_notes(db, _UPDATE, {"id": id, "title": title, "body": body})), None)


def touch(db: Connection[Any], id: UUID) -> Note | None:
    """One version more, and a pause in which others come."""
    note = next(iter(_notes(db, _TOUCH, (id,))), None)
    db.execute("select pg_sleep(0.002)")
    return note


def delete(db: Connection[Any], id: UUID) -> bool:
    """Whether there was one to delete."""
    return db.execute("delete from notes.notes where id = %s", (id,)).rowcount == 1


def search(db: Connection[Any], words: str) -> list[Note]:
    """Notes whose text holds these words."""
    return _notes(db, _SEARCH, (words,))


def export(db: Connection[Any]) -> str:
    """Two tables as text, the way COPY writes them."""
    text = b""
    for statement in ("copy notes.notes to stdout", "copy (select * from notes.titles) to stdout"):
        with db.cursor().copy(statement.encode()) as copy:
            text += b"".join(bytes(part) for part in copy)
    return text.decode()


def titles(db: Connection[Any]) -> list[str]:
    """Every title."""
    return [title for (title,) in db.execute("select title from notes.titles").fetchall()]


def dawdle(db: Connection[Any], milliseconds: int) -> None:
    """Take longer than the statement may."""
    db.execute("select set_config('statement_timeout', %s, true)", (str(milliseconds),))
    db.execute("select pg_sleep(%s), count(*) from notes.notes", (milliseconds / 250,))


def memberships(db: Connection[Any]) -> list[UUID]:
    """The tenants of the caller."""
    return [id for (id,) in db.execute("select tenant_id from members.memberships order by 1").fetchall()]


def found(db: Connection[Any], id: UUID, subject: str, role: str) -> None:
    """A tenant, its first member and folder."""
    db.execute("insert into members.tenants (id, name) values (%s, 'new')", (id,))
    db.execute(
        "insert into members.memberships (tenant_id, subject, role) values (%s, %s, %s)", (id, subject, role)
    )
    db.execute("insert into notes.folders (tenant_id, title) values (%s, 'first')", (id,))


def _notes(db: Connection[Any], statement: str, given: Any) -> list[Note]:
    return db.cursor(row_factory=args_row(Note)).execute(statement.encode(), given).fetchall()
