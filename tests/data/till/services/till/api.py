"""Payments are told by webhook; each is booked once."""

from typing import Annotated

import msgspec

from lamppost import Context, Header, Response
from lamppost.delivery import receive


class Payment(msgspec.Struct):
    """What the sender tells."""

    order: str
    cents: int


def paid(
    body: bytes,
    id: Annotated[str, Header("webhook-id")],
    at: Annotated[str, Header("webhook-timestamp")],
    signature: Annotated[str, Header("webhook-signature")],
    ctx: Context,
) -> Response:
    """Book a payment. The sender repeats what it is not sure of; the booking happens once."""
    headers = {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature}
    message = receive.verified(headers, body, ctx.secret("till/webhook"))
    payment = message.decode(Payment)
    with ctx.transaction() as db, receive.once(db, message, consumer="till.payments") as first:
        if first:
            db.execute(
                "insert into till.bookings (order_id, cents) values (%s, %s)", (payment.order, payment.cents)
            )
    return Response(status=204)
