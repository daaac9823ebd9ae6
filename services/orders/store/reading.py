"""Orders as they are shown."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row, dict_row

from services.orders.shapes import Line, Order, Summary
from services.orders.steps import Status


class Before(msgspec.Struct, frozen=True):
    """Before which order, going back in time, a page begins."""

    created_at: datetime
    id: UUID


class Wanted(msgspec.Struct, frozen=True):
    """What a list shows: everything where nothing is said."""

    status: Status | None = None
    customer: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_lines = msgspec.json.Decoder(list[Line])

_FIND = """
select o.id, o.customer, o.currency, o.total, o.status, o.version, o.created_by, o.created_at, o.updated_at,
       (select jsonb_agg(jsonb_build_object('sku', l.sku, 'quantity', l.quantity, 'unitPrice', l.unit_price)
                         order by l.position)::text
          from orders.lines l
         where l.order_id = o.id) as lines
  from orders.orders o
 where o.id = %s
"""


def find(db: Connection[Any], id: UUID) -> Order | None:
    """The order with its lines, both of one moment, or None."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_FIND, (id,)).fetchone()
    return None if row is None else Order(**{**row, "lines": _lines.decode(row["lines"])})


_PAGE = """
select id, customer, currency, total, status, version, created_by, created_at, updated_at
  from orders.orders
 where tenant_id = lamppost.tenant_id()
   and (%(status)s::text is null or status = %(status)s)
   and (%(customer)s::text is null or customer = %(customer)s)
   and (%(since)s::timestamptz is null or created_at >= %(since)s)
   and (%(until)s::timestamptz is null or created_at < %(until)s)
   and (%(at)s::timestamptz is null or (created_at, id) < (%(at)s, %(id)s))
 order by tenant_id, created_at desc, id desc
 limit %(limit)s
"""


def page(db: Connection[Any], wanted: Wanted, *, before: Before | None, limit: int) -> list[Summary]:
    """Orders, newest first, from `before` on. What is placed meanwhile is newer: no page shows it twice."""
    position = {"at": before.created_at if before else None, "id": before.id if before else None}
    given = {**msgspec.structs.asdict(wanted), **position, "limit": limit}
    with db.cursor(row_factory=class_row(Summary)) as cursor:
        return cursor.execute(_PAGE, given).fetchall()
