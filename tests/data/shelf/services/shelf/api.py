"""Every statement asks for the reader, except where a test takes that out."""

import hashlib
import hmac
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg.rows import class_row

from lamppost import Context, Header, not_found

Title = Annotated[str, Meta(min_length=1, max_length=80, description="as on its back", examples=["The sea"])]
Pages = Annotated[int, Meta(ge=1, le=9_999)]
Limit = Annotated[int, Meta(ge=1, le=50, description="how many at once")]


class NewBook(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A book as it is brought."""

    title: Title
    pages: Pages
    lent_on: date | None = None


class Changed(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What changes about a book: the rest stays."""

    title: Title | UnsetType = UNSET
    pages: Pages | UnsetType = UNSET


class Book(msgspec.Struct, rename="camel"):
    """A book on a shelf."""

    id: UUID
    title: Title
    pages: Pages
    lent_on: date | None


class Books(msgspec.Struct):
    """Some books, and where to go on."""

    items: list[Book]
    after: UUID | None


class Reminders(msgspec.Struct):
    """What was asked for."""

    shelf: str
    since: date | None
    most: int


class Sealed(msgspec.Struct):
    """A letter's bytes, counted, and whether its seal is whole."""

    size: int
    whole: bool


COLUMNS = "id, title, pages, lent_on"


def add(body: NewBook, ctx: Context) -> Book:
    """Put a book on the caller's shelf.

    Nobody else sees it there.
    """
    statement = (
        f"insert into shelf.books (reader, title, pages, lent_on) values (%s, %s, %s, %s) returning {COLUMNS}"
    )
    book = _one(ctx, statement, (ctx.caller.subject, body.title, body.pages, body.lent_on))
    assert book is not None
    return book


def listing(ctx: Context, limit: Limit = 20, after: UUID | None = None) -> Books:
    """The caller's books, some at a time."""
    statement = (
        f"select {COLUMNS} from shelf.books"
        " where reader = %s and (%s::uuid is null or id > %s) order by id limit %s"
    )
    with ctx.transaction() as db, db.cursor(row_factory=class_row(Book)) as cursor:
        items = cursor.execute(statement, (ctx.caller.subject, after, after, limit)).fetchall()
    return Books(items, items[-1].id if len(items) == limit else None)


def find(id: UUID, ctx: Context) -> Book:
    """One of the caller's books."""
    statement = f"select {COLUMNS} from shelf.books where id = %s and reader = %s"
    return _known(_one(ctx, statement, (id, ctx.caller.subject)))


def change(id: UUID, body: Changed, ctx: Context) -> Book:
    """Correct one of the caller's books."""
    title = body.title if body.title is not UNSET else None
    pages = body.pages if body.pages is not UNSET else None
    statement = (
        "update shelf.books set title = coalesce(%s, title), pages = coalesce(%s, pages)"
        f" where id = %s and reader = %s returning {COLUMNS}"
    )
    return _known(_one(ctx, statement, (title, pages, id, ctx.caller.subject)))


def remove(id: UUID, ctx: Context) -> None:
    """Burn one of the caller's books."""
    statement = f"delete from shelf.books where id = %s and reader = %s returning {COLUMNS}"
    _known(_one(ctx, statement, (id, ctx.caller.subject)))


def hours() -> dict[str, str]:
    """When the library is open, for anybody."""
    return {"monday": "9-17"}


def reminders(
    shelf: Annotated[str, Meta(max_length=20, description="whose shelf"), Header("X-Shelf")],
    since: Annotated[date, Header("x-since")] | None = None,
    most: Annotated[int, Meta(ge=1, le=9), Header("x-most")] = 3,
) -> Reminders:
    """What a reader is reminded of, as its headers ask."""
    return Reminders(shelf, since, most)


def sealed(body: bytes, seal: Annotated[str, Header("x-seal")] = "") -> Sealed:
    """Whether a letter's seal is the SHA-256 of its bytes, whatever these are."""
    return Sealed(len(body), hmac.compare_digest(hashlib.sha256(body).hexdigest(), seal))


def _one(ctx: Context, statement: str, values: tuple[Any, ...]) -> Book | None:
    with ctx.transaction() as db, db.cursor(row_factory=class_row(Book)) as cursor:
        return cursor.execute(statement, values).fetchone()


def _known(book: Book | None) -> Book:
    if book is None:
        raise not_found("book_not_found", "there is no such book on your shelf")
    return book
