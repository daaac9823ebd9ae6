"""Attachments: what each is to be, and whether it has arrived."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from services.orders.shapes import Noted

_HOLD = "select id from orders.orders where id = %s for update"


def hold(db: Connection[Any], order: UUID) -> bool:
    """Whether there is this order. From now on its attachments are the caller's, to the transaction's end."""
    return db.execute(_HOLD, (order,)).fetchone() is not None


_NOTE = """
insert into orders.attachments (order_id, name, type, size, checksum)
select %(order)s, %(name)s, %(type)s, %(size)s, %(checksum)s
 where (select count(*) from orders.attachments where order_id = %(order)s) < %(most)s
returning id
"""


def note(
    db: Connection[Any], order: UUID, *, name: str, type: str, size: int, checksum: str, most: int
) -> UUID | None:
    """The id of a new attachment; None when the order, which the caller holds, has `most` already."""
    given = {"order": order, "name": name, "type": type, "size": size, "checksum": checksum, "most": most}
    row = db.execute(_NOTE, given).fetchone()
    return None if row is None else row[0]


_ALL = """
select id, name, type, size, checksum, created_by, created_at, stored_at
  from orders.attachments
 where order_id = %s
 order by created_at, id
"""


def of(db: Connection[Any], order: UUID) -> list[Noted]:
    """An order's attachments, oldest first."""
    with db.cursor(row_factory=class_row(Noted)) as cursor:
        return cursor.execute(_ALL, (order,)).fetchall()


_STORED = """
update orders.attachments
   set stored_at = lamppost.now()
 where order_id = %s and id = any(%s) and stored_at is null
"""


def stored(db: Connection[Any], order: UUID, ids: list[UUID]) -> None:
    """Note that these have arrived; what is noted already keeps its moment."""
    db.execute(_STORED, (order, ids))


def forget(db: Connection[Any], order: UUID, attachment: UUID) -> bool:
    """Delete an attachment's row; False when there is none."""
    deleted = db.execute(
        "delete from orders.attachments where order_id = %s and id = %s", (order, attachment)
    )
    return deleted.rowcount == 1
