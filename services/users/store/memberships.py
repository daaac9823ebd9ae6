"""Who belongs to which organisation, and as what.

What changes a role, a status or who is there is called while the organisation is held (`organisations.hold`):
then two requests cannot each see the other's owner and take both away.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.users.shapes import Membership, Mine

VALID = timedelta(days=7)


class After(msgspec.Struct, frozen=True):
    """Behind which row a page begins."""

    created_at: datetime
    id: UUID


_FOUND = """
insert into users.memberships (organisation, subject, role, status)
values (%(name)s, lamppost.user_id(), 'owner', 'active')
"""


def found(db: Connection[Any], *, name: str) -> None:
    """The caller as the owner of the new organisation of this name."""
    db.execute(_FOUND, {"name": name})


_MINE = """
select tenant_id as organisation, organisation as name, id as membership, role, status, invited_until
  from users.memberships
 where subject = lamppost.user_id()
   and (%(at)s::timestamptz is null or (created_at, id) > (%(at)s, %(id)s))
 order by created_at, id
 limit %(limit)s
"""


def mine(db: Connection[Any], *, after: After | None, limit: int) -> list[Mine]:
    """The caller's memberships, oldest first; outside of any tenant."""
    with db.cursor(row_factory=class_row(Mine)) as cursor:
        return cursor.execute(_MINE, {**_behind(after), "limit": limit}).fetchall()


_PLACE = "select created_at, id from users.memberships where id = %s"


def place(db: Connection[Any], id: UUID) -> After:
    """Where a page ends that ends with this membership."""
    with db.cursor(row_factory=class_row(After)) as cursor:
        row = cursor.execute(_PLACE, (id,)).fetchone()
    assert row is not None, "it was read in this transaction's statement before"
    return row


_SHOWN = """
select m.id, m.subject, p.name, m.email, m.role, m.status, m.invited_until, m.created_at, m.updated_at
  from users.memberships m
  left join users.profiles p on p.subject = m.subject
"""
_FIND = f"{_SHOWN} where m.id = %s"
_PAGE = f"""{_SHOWN}
 where (%(at)s::timestamptz is null or (m.created_at, m.id) > (%(at)s, %(id)s))
 order by m.created_at, m.id
 limit %(limit)s
"""


def find(db: Connection[Any], id: UUID) -> Membership | None:
    """A membership of the tenant, or None."""
    with db.cursor(row_factory=class_row(Membership)) as cursor:
        return cursor.execute(_FIND.encode(), (id,)).fetchone()


def page(db: Connection[Any], *, after: After | None, limit: int) -> list[Membership]:
    """The tenant's memberships, oldest first."""
    with db.cursor(row_factory=class_row(Membership)) as cursor:
        return cursor.execute(_PAGE.encode(), {**_behind(after), "limit": limit}).fetchall()


_ROLE = "select role from users.memberships where subject = lamppost.user_id() and status = 'active'"


def role(db: Connection[Any]) -> str | None:
    """What the caller is in the tenant at this moment, None when nothing any more."""
    row = db.execute(_ROLE).fetchone()
    return None if row is None else str(row[0])


_INVITE = """
insert into users.memberships (organisation, subject, email, role, status, code_hash, invited_until)
select name, %(subject)s, %(email)s, %(role)s, 'invited', %(code_hash)s, lamppost.now() + %(valid)s
  from users.organisations
    on conflict {key} do update
   set role = excluded.role, code_hash = excluded.code_hash, invited_until = excluded.invited_until,
       updated_at = lamppost.now()
 where memberships.status = 'invited'
   and (memberships.role <> 'owner' or lamppost.role() = 'owner')
returning id
"""
_INVITE_SUBJECT = _INVITE.replace("{key}", "(tenant_id, subject)")
_INVITE_ADDRESS = _INVITE.replace("{key}", "(tenant_id, email)")


def invite(
    db: Connection[Any], *, subject: str | None, email: str | None, role: str, code_hash: bytes | None
) -> UUID | None:
    """An invitation, valid for a week. One that stands is renewed, and its code is another then.

    None when the person has accepted, or when an owner's invitation is not the caller's to renew.
    """
    given = {"subject": subject, "email": email, "role": role, "code_hash": code_hash, "valid": VALID}
    statement = _INVITE_SUBJECT if email is None else _INVITE_ADDRESS
    row = db.execute(statement.encode(), given).fetchone()
    return None if row is None else row[0]


_INVITATION = """
select id
  from users.memberships
 where (subject = lamppost.user_id() and (status = 'active' or invited_until > lamppost.now()))
    or (code_hash = %(code_hash)s and invited_until > lamppost.now())
 order by code_hash is null
 limit 1
"""


def invitation(db: Connection[Any], *, code_hash: bytes | None) -> UUID | None:
    """What the caller may accept: the invitation with this code, their own, or what they have accepted."""
    row = db.execute(_INVITATION, {"code_hash": code_hash}).fetchone()
    return None if row is None else row[0]


_ACCEPT = """
update users.memberships
   set subject = lamppost.user_id(), status = 'active', code_hash = null, invited_until = null,
       updated_at = lamppost.now()
 where id = %(id)s and status = 'invited' and invited_until > lamppost.now()
"""


def accept(db: Connection[Any], id: UUID) -> bool:
    """Make the caller a member; False when there is nothing to accept any more.

    Of two people who bring one code at once one gets in. Raises `UniqueViolation` for who is there already.
    """
    return db.execute(_ACCEPT, {"id": id}).rowcount == 1


_CHANGE = """
update users.memberships as m
   set role = %(role)s, status = %(status)s, updated_at = lamppost.now()
 where m.id = %(id)s
   and (m.status = 'invited') = (%(status)s = 'invited')
   and ((%(role)s = 'owner' and %(status)s = 'active')
        or m.role <> 'owner' or m.status <> 'active'
        or exists (select from users.memberships o
                    where o.id <> m.id and o.role = 'owner' and o.status = 'active'))
"""


def change(db: Connection[Any], id: UUID, *, role: str, status: str) -> bool:
    """Write role and status; False when no active owner would remain. The caller holds the organisation."""
    return db.execute(_CHANGE, {"id": id, "role": role, "status": status}).rowcount == 1


_REMOVE = """
delete from users.memberships as m
 where m.id = %(id)s
   and (m.role <> 'owner' or m.status <> 'active'
        or exists (select from users.memberships o
                    where o.id <> m.id and o.role = 'owner' and o.status = 'active'))
"""


def remove(db: Connection[Any], id: UUID) -> bool:
    """End a membership; False when no active owner would remain. The caller holds the organisation."""
    return db.execute(_REMOVE, {"id": id}).rowcount == 1


def _behind(after: After | None) -> dict[str, object]:
    return {"at": after.created_at if after else None, "id": after.id if after else None}
