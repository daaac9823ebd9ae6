"""Orders as they are placed, changed and moved on. Each change counts the version up."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection

from services.orders.shapes import Line
from services.orders.steps import Status, Step

_GIVEN = """
    select position::int, sku, quantity, unit_price
      from unnest(%(skus)s::text[], %(quantities)s::int[], %(prices)s::bigint[])
           with ordinality as given (sku, quantity, unit_price, position)
"""
_PLACE = f"""
with given as ({_GIVEN}), placed as (
    insert into orders.orders (customer, currency, total)
    select %(customer)s, %(currency)s, sum(quantity * unit_price) from given
 returning tenant_id, id
), lines as (
    insert into orders.lines (tenant_id, order_id, position, sku, quantity, unit_price)
    select placed.tenant_id, placed.id, given.* from placed cross join given
)
select id from placed
"""


def place(db: Connection[Any], *, customer: str, currency: str, lines: Sequence[Line]) -> UUID:
    """A draft with these lines, its total their sum."""
    given = {"customer": customer, "currency": currency, **_columns(lines)}
    row = db.execute(_PLACE.encode(), given).fetchone()
    assert row is not None, "an insert returns its row"
    placed: UUID = row[0]
    return placed


_CHANGE = """
update orders.orders
   set customer = coalesce(%(customer)s, customer), currency = coalesce(%(currency)s, currency),
       version = version + 1, updated_at = lamppost.now()
 where id = %(id)s and status = 'draft' and version = %(version)s
"""


def change(
    db: Connection[Any], id: UUID, *, version: int, customer: str | None, currency: str | None
) -> bool:
    """Change a draft of this version; None leaves a value. False when it is no such draft any more.

    From then on the order is the caller's until the transaction ends.
    """
    given = {"id": id, "version": version, "customer": customer, "currency": currency}
    return db.execute(_CHANGE, given).rowcount == 1


_REWRITE = f"""
with given as ({_GIVEN}), lines as (
    insert into orders.lines (order_id, position, sku, quantity, unit_price)
    select %(id)s, given.* from given
)
update orders.orders
   set total = (select sum(quantity * unit_price) from given)
 where id = %(id)s
"""


def rewrite(db: Connection[Any], id: UUID, lines: Sequence[Line]) -> None:
    """Replace all lines, and the total with them. The caller has just changed the order."""
    db.execute("delete from orders.lines where order_id = %s", (id,))
    db.execute(_REWRITE.encode(), {"id": id, **_columns(lines)})


_STEP = """
update orders.orders
   set status = %(to)s, version = version + 1, updated_at = lamppost.now()
 where id = %(id)s and status = any(%(begins)s)
"""


def step(db: Connection[Any], id: UUID, step: Step) -> bool:
    """Move an order on; False when it is not where the step begins. Of two at once one gets True."""
    return db.execute(_STEP, {"id": id, "to": step.to, "begins": list(step.begins)}).rowcount == 1


def discard(db: Connection[Any], id: UUID) -> bool:
    """Delete a draft with its lines; False when it is none."""
    return db.execute("delete from orders.orders where id = %s and status = 'draft'", (id,)).rowcount == 1


def status(db: Connection[Any], id: UUID) -> Status | None:
    """The order's present status, None when there is no such order."""
    row = db.execute("select status from orders.orders where id = %s", (id,)).fetchone()
    return None if row is None else row[0]


def _columns(lines: Sequence[Line]) -> dict[str, list[Any]]:
    return {
        "skus": [line.sku for line in lines],
        "quantities": [line.quantity for line in lines],
        "prices": [line.unit_price for line in lines],
    }
