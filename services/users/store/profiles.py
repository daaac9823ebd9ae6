"""People, as they describe themselves."""

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from services.users.shapes import Profile


def now(db: Connection[Any]) -> datetime:
    """The system's now."""
    row = db.execute("select lamppost.now()").fetchone()
    assert row is not None, "a function returns its row"
    instant: datetime = row[0]
    return instant


_CREATE = """
insert into users.profiles (subject, name, email)
values (lamppost.user_id(), %(name)s, %(email)s)
    on conflict (subject) do nothing
returning subject, name, email, created_at, updated_at
"""


def create(db: Connection[Any], *, name: str, email: str | None) -> Profile | None:
    """The caller's profile; None when they have one, made by a request beside this one perhaps."""
    with db.cursor(row_factory=class_row(Profile)) as cursor:
        return cursor.execute(_CREATE, {"name": name, "email": email}).fetchone()


_FIND = """
select subject, name, email, created_at, updated_at
  from users.profiles
 where subject = lamppost.user_id()
"""


def find(db: Connection[Any]) -> Profile | None:
    """The caller's profile, or None."""
    with db.cursor(row_factory=class_row(Profile)) as cursor:
        return cursor.execute(_FIND).fetchone()


_CHANGE = """
update users.profiles
   set name = coalesce(%(name)s, name),
       email = case when %(has_email)s then %(email)s else email end,
       updated_at = lamppost.now()
 where subject = lamppost.user_id()
returning subject, name, email, created_at, updated_at
"""


def change(db: Connection[Any], *, name: str | None, email: str | None, has_email: bool) -> Profile | None:
    """Write a `name` unless it is None, and `email` when `has_email`; None when there is no profile."""
    given = {"name": name, "email": email, "has_email": has_email}
    with db.cursor(row_factory=class_row(Profile)) as cursor:
        return cursor.execute(_CHANGE, given).fetchone()
