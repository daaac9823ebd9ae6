"""Organisations: the tenants themselves."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from services.users.shapes import Organisation


def create(db: Connection[Any], *, name: str) -> None:
    """The organisation of the new tenant."""
    db.execute("insert into users.organisations (id, name) values (lamppost.tenant_id(), %s)", (name,))


_FIND = """
select id, name, lamppost.role() as role, created_at, updated_at
  from users.organisations
 where id = lamppost.tenant_id()
"""


def find(db: Connection[Any]) -> Organisation | None:
    """The tenant's organisation."""
    with db.cursor(row_factory=class_row(Organisation)) as cursor:
        return cursor.execute(_FIND).fetchone()


def hold(db: Connection[Any]) -> UUID | None:
    """Keep the organisation, and who is in it, from being changed by others until this transaction ends.

    Only what is read after this is what holds: a statement sees what was there when it began.
    """
    row = db.execute(
        "select id from users.organisations where id = lamppost.tenant_id() for no key update"
    ).fetchone()
    return None if row is None else row[0]


_RENAME = """
update users.organisations
   set name = %(name)s, updated_at = lamppost.now()
 where id = lamppost.tenant_id()
returning id, name, lamppost.role() as role, created_at, updated_at
"""


def rename(db: Connection[Any], *, name: str) -> Organisation | None:
    """Give it another name; the foreign key carries it into the memberships."""
    with db.cursor(row_factory=class_row(Organisation)) as cursor:
        return cursor.execute(_RENAME, {"name": name}).fetchone()
