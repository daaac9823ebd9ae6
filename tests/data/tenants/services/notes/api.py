"""Handlers as an author would write them, and some that fail in the middle on purpose."""

from uuid import UUID

import msgspec
import psycopg

from lamppost import Context, not_found
from lamppost.db import as_caller, new_tenant, tenant

from . import store
from .store import Note


class NewNote(msgspec.Struct, forbid_unknown_fields=True):
    """A note as it is sent."""

    title: str
    body: str
    number: int | None = None
    folder: UUID | None = None


class Page(msgspec.Struct):
    """Some notes, and where to go on."""

    items: list[Note]
    cursor: str | None


class Found(msgspec.Struct):
    """A new tenant."""

    tenant: UUID


def create(tenant_id: str, body: NewNote, ctx: Context) -> Note:
    """A new note."""
    with tenant(ctx, tenant_id) as db:
        return store.add(db, title=body.title, body=body.body, number=body.number, folder=body.folder)


def find(tenant_id: str, id: UUID, ctx: Context) -> Note:
    """One note."""
    with tenant(ctx, tenant_id) as db:
        return _known(store.get(db, id))


def listing(tenant_id: str, ctx: Context, cursor: str = "", limit: int = 5) -> Page:
    """Notes by number."""
    with tenant(ctx, tenant_id) as db:
        items = store.page(db, after=int(cursor or 0), limit=limit)
    return Page(items, str(items[-1].number) if len(items) == limit else None)


def change(tenant_id: str, id: UUID, body: NewNote, ctx: Context) -> Note:
    """Another text for a note."""
    with tenant(ctx, tenant_id) as db:
        return _known(store.update(db, id, title=body.title, body=body.body))


def remove(tenant_id: str, id: UUID, ctx: Context) -> None:
    """A note less."""
    with tenant(ctx, tenant_id, roles=("owner", "member")) as db:
        if not store.delete(db, id):
            raise not_found("note_not_found", "there is no such note")


def search(tenant_id: str, ctx: Context, words: str) -> list[Note]:
    """Notes that hold these words."""
    with tenant(ctx, tenant_id) as db:
        return store.search(db, words)


def export(tenant_id: str, ctx: Context) -> str:
    """Everything, as text."""
    with tenant(ctx, tenant_id) as db:
        return store.export(db)


def mixed(tenant_id: str, ctx: Context) -> list[str]:
    """Titles, asked in a savepoint, after one that failed, and around a statement that did."""
    titles: list[str] = []
    with tenant(ctx, tenant_id) as db:
        try:
            with db.transaction():
                db.execute("select 1 / 0")
        except psycopg.errors.DivisionByZero:
            titles += store.titles(db)
        with db.transaction():
            titles += store.titles(db)
    return titles


def pair(tenant_id: str, body: list[UUID], ctx: Context) -> list[Note]:
    """Change several notes in the order given: two callers may wait for each other."""
    with tenant(ctx, tenant_id) as db:
        return [note for note in (store.touch(db, id) for id in body) if note]


def slow(tenant_id: str, ctx: Context, milliseconds: int = 50) -> list[str]:
    """Titles, then a statement that takes too long."""
    with tenant(ctx, tenant_id) as db:
        titles = store.titles(db)
        store.dawdle(db, milliseconds)
    return titles


def broken(tenant_id: str, body: NewNote, ctx: Context) -> Note:
    """A note, and then a mistake of the author's, whose message holds what was read."""
    with tenant(ctx, tenant_id) as db:
        note = store.add(db, title=body.title, body=body.body, number=body.number, folder=None)
        raise RuntimeError(f"lost: {note.title} of {store.titles(db)}")


def only(ctx: Context) -> list[str]:
    """Titles of the caller's only tenant."""
    with tenant(ctx) as db:
        return store.titles(db)


def mine(ctx: Context) -> list[UUID]:
    """The caller's tenants."""
    with as_caller(ctx) as db:
        return store.memberships(db)


def forgotten(ctx: Context) -> list[str]:
    """What a handler sees that forgot tenant()."""
    with ctx.transaction() as db:
        return store.titles(db)


def found(ctx: Context) -> Found:
    """A tenant of the caller's own."""
    with (here := new_tenant(ctx)) as db:
        store.found(db, here.member.tenant, here.member.subject, here.member.role)
        return Found(here.member.tenant)


def _known(note: Note | None) -> Note:
    if note is None:
        raise not_found("note_not_found", "there is no such note")
    return note
