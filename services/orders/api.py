"""Orders over HTTP. `organisation` names whose; who belongs to one organisation alone may leave it out."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from psycopg import Connection

from lamppost import CallerError, Context, FieldError, Objects, not_found
from lamppost.db import cursors, health, tenant
from services.orders import shapes, steps, texts
from services.orders.shapes import Order
from services.orders.steps import Status, Step
from services.orders.store import attaching, reading, writing
from services.orders.store.reading import Before, Wanted

CURSORS = "orders/{env}/cursors"
FILES = "orders-files/attachments"
MOST_FILES = 20


def healthy(ctx: Context) -> health.Health:
    """Whether orders can be taken."""
    return health.check(ctx)


def place(body: shapes.NewOrder, ctx: Context, organisation: UUID | None = None) -> Order:
    """Write an order down, as a draft. The Idempotency-Key keeps a repetition from being a second one."""
    customer = texts.shown("customer", body.customer)
    with tenant(ctx, organisation, roles=steps.WRITERS) as db:
        id = writing.place(db, customer=customer, currency=body.currency, lines=body.lines)
        order = _order(db, id)
    ctx.log.info("order.placed", order=id, lines=len(body.lines))
    return order


def listing(
    ctx: Context,
    organisation: UUID | None = None,
    status: Status | None = None,
    customer: shapes.Reference | None = None,
    created_since: shapes.Instant | None = None,
    created_before: shapes.Instant | None = None,
    limit: shapes.Limit = 20,
    cursor: shapes.Cursor | None = None,
) -> shapes.Orders:
    """Orders, newest first, some at a time. A cursor goes on with the list it came with, filters included."""
    wanted = Wanted(status, customer, created_since, created_before)
    with (here := tenant(ctx, organisation, roles=steps.READERS)) as db:
        of = (here.member.tenant, wanted)
        before = None if cursor is None else cursors.unseal(ctx.secret(CURSORS), of, cursor, Before)
        items = reading.page(db, wanted, before=before, limit=limit + 1)
    following = None
    if len(items) > limit:
        last = items[limit - 1]
        following = cursors.seal(ctx.secret(CURSORS), of, Before(last.created_at, last.id))
    return shapes.Orders([shapes.utc(item) for item in items[:limit]], following)


def find(id: UUID, ctx: Context, organisation: UUID | None = None) -> Order:
    """One order, with its lines."""
    with tenant(ctx, organisation, roles=steps.READERS) as db:
        return _order(db, id)


def change(id: UUID, body: shapes.Changes, ctx: Context, organisation: UUID | None = None) -> Order:
    """Change a draft that nobody has changed since the caller saw it: `version` says what they saw."""
    customer = texts.shown("customer", body.customer) if body.customer is not UNSET else None
    currency = body.currency if body.currency is not UNSET else None
    with tenant(ctx, organisation, roles=steps.WRITERS) as db:
        if not writing.change(db, id, version=body.version, customer=customer, currency=currency):
            raise _unchangeable(db, id)
        if body.lines is not UNSET:
            writing.rewrite(db, id, body.lines)
        order = _order(db, id)
    ctx.log.info("order.changed", order=id, version=order.version)
    return order


def discard(id: UUID, ctx: Context, organisation: UUID | None = None) -> None:
    """Throw a draft away, its files first: what dies in between is ended by asking again."""
    with (here := tenant(ctx, organisation, roles=steps.WRITERS)) as db:
        noted = attaching.of(db, id)
        if not writing.discard(db, id):
            raise _elsewhere(db, id)
        files = ctx.bucket(FILES).of(here.member.tenant)
        for each in noted:
            files.delete(f"{id}/{each.id}")
    ctx.log.info("order.discarded", order=id)


def submit(id: UUID, ctx: Context, organisation: UUID | None = None) -> Order:
    """Submit a draft: from now on it stands as it is."""
    return _step(id, ctx, organisation, steps.SUBMIT)


def ship(id: UUID, ctx: Context, organisation: UUID | None = None) -> Order:
    """Send what was submitted on its way."""
    return _step(id, ctx, organisation, steps.SHIP)


def complete(id: UUID, ctx: Context, organisation: UUID | None = None) -> Order:
    """Note that what was shipped has arrived."""
    return _step(id, ctx, organisation, steps.COMPLETE)


def cancel(id: UUID, ctx: Context, organisation: UUID | None = None) -> Order:
    """Cancel a draft or what was submitted; what is shipped, only owners and admins."""
    return _step(id, ctx, organisation, None)


def attach(
    id: UUID, body: shapes.NewAttachment, ctx: Context, organisation: UUID | None = None
) -> shapes.Permission:
    """Let the caller send one file for an order: exactly the one that they describe."""
    name = texts.shown("name", body.name)
    with (here := tenant(ctx, organisation, roles=steps.WRITERS)) as db:
        if not attaching.hold(db, id):
            raise _nothing()
        attachment = attaching.note(
            db, id, name=name, type=body.type, size=body.size, checksum=body.checksum, most=MOST_FILES
        )
    if attachment is None:
        raise CallerError(409, "attachments_full", f"an order has {MOST_FILES} attachments at most")
    upload = (
        ctx.bucket(FILES)
        .of(here.member.tenant)
        .upload(f"{id}/{attachment}", type=body.type, size=body.size, checksum=body.checksum)
    )
    return shapes.Permission(attachment, upload.url, upload.method, upload.headers, upload.expires_at)


def confirm(id: UUID, ctx: Context, organisation: UUID | None = None) -> shapes.Attachments:
    """Look which files have arrived, after the caller has sent some. Asking again changes nothing.

    What arrived under an attachment's key is what was noted: S3 compared size, type and checksum.
    """
    with (here := tenant(ctx, organisation, roles=steps.WRITERS)) as db:
        _order(db, id)
        awaited = [noted.id for noted in attaching.of(db, id) if noted.stored_at is None]
    files = ctx.bucket(FILES).of(here.member.tenant)
    arrived = [each for each in awaited if files.head(f"{id}/{each}") is not None]
    with tenant(ctx, organisation, roles=steps.WRITERS) as db:
        attaching.stored(db, id, arrived)
        noted = attaching.of(db, id)
    ctx.log.info("order.attached", order=id, arrived=len(arrived), awaited=len(awaited))
    return shapes.Attachments([_shown(id, each, files) for each in noted])


def attachments(id: UUID, ctx: Context, organisation: UUID | None = None) -> shapes.Attachments:
    """An order's attachments, with links to those that have arrived."""
    with (here := tenant(ctx, organisation, roles=steps.READERS)) as db:
        _order(db, id)
        noted = attaching.of(db, id)
    files = ctx.bucket(FILES).of(here.member.tenant)
    return shapes.Attachments([_shown(id, each, files) for each in noted])


def detach(id: UUID, attachment: UUID, ctx: Context, organisation: UUID | None = None) -> None:
    """Take an attachment away, the file first: what dies in between is ended by asking again."""
    with (here := tenant(ctx, organisation, roles=steps.WRITERS)) as db:
        if not attaching.hold(db, id):
            raise _nothing()
        if not attaching.forget(db, id, attachment):
            raise CallerError(404, "attachment_not_found", "you see no such attachment")
        ctx.bucket(FILES).of(here.member.tenant).delete(f"{id}/{attachment}")
    ctx.log.info("order.detached", order=id, attachment=attachment)


def _shown(order: UUID, noted: shapes.Noted, files: Objects) -> shapes.Attachment:
    known = msgspec.structs.asdict(shapes.utc(noted))
    link = files.link(f"{order}/{noted.id}", filename=noted.name) if noted.stored_at else None
    return shapes.Attachment(**known, link=link)


def _step(id: UUID, ctx: Context, organisation: UUID | None, step: Step | None) -> Order:
    """Take a step; None is cancelling, of which the role says from where."""
    with (here := tenant(ctx, organisation, roles=steps.WRITERS)) as db:
        taken = step or steps.cancel(here.member.role)
        if not writing.step(db, id, taken):
            raise _elsewhere(db, id)
        order = _order(db, id)
    ctx.log.info("order.moved", order=id, to=taken.to)
    return order


def _order(db: Connection[Any], id: UUID) -> Order:
    order = reading.find(db, id)
    if order is None:
        raise _nothing()
    return shapes.utc(order)


def _elsewhere(db: Connection[Any], id: UUID) -> CallerError:
    """Why an order could not be moved: it is not there, or its status is another one."""
    status = writing.status(db, id)
    if status is None:
        return _nothing()
    message = f"the order is {status}"
    return CallerError(409, "order_status", message, errors=(FieldError("status", status, message),))


def _unchangeable(db: Connection[Any], id: UUID) -> CallerError:
    """Why a draft could not be changed."""
    if writing.status(db, id) == "draft":
        return CallerError(409, "order_changed", "somebody has changed the order since: read it again")
    return _elsewhere(db, id)


def _nothing() -> CallerError:
    return not_found("order_not_found", "there is no such order")
