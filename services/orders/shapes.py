"""What comes in and goes out over HTTP. Instants are UTC; money is in the currency's smallest unit."""

from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar, get_args
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lamppost import megabytes
from services.orders.steps import Status

Row = TypeVar("Row", bound=msgspec.Struct)
Customer = Annotated[
    str, Meta(min_length=1, description="who ordered, in the organisation's own words: 1 to 100 characters")
]
# Python lets `$` stand before a line break at the end; other readers of a pattern do not.
Sku = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._/-]{1,64}$(?!\n)", description="what is ordered")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="its ISO 4217 code")]
Quantity = Annotated[int, Meta(ge=1, le=10_000)]
# With this and a hundred lines a total stays below 2**53: every reader of JSON has it exactly.
UnitPrice = Annotated[int, Meta(ge=0, le=1_000_000_000, description="in the currency's smallest unit")]
Version = Annotated[int, Meta(ge=1, le=2_147_483_647, description="the version that the caller has seen")]
Limit = Annotated[int, Meta(ge=1, le=100, description="how many at once")]
Cursor = Annotated[str, Meta(min_length=1, max_length=1024, description="`next` of the page before")]
Reference = Annotated[str, Meta(min_length=1, max_length=100, description="a customer, as orders name it")]
Instant = Annotated[datetime, Meta(tz=True)]
FileName = Annotated[str, Meta(min_length=1, description="what people call the file: 1 to 100 characters")]
FileType = Literal["application/pdf", "image/jpeg", "image/png"]
FILE_TYPES: tuple[str, ...] = get_args(FileType)
FILE_BYTES = megabytes(25)
FileSize = Annotated[int, Meta(ge=1, le=FILE_BYTES, description="in bytes")]
Checksum = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$(?!\n)", description="its SHA-256, in base64"),
]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """So many of a thing, at this price each."""

    sku: Sku
    quantity: Quantity
    unit_price: UnitPrice


Lines = Annotated[list[Line], Meta(min_length=1, max_length=100)]


class NewOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /orders."""

    customer: Customer
    currency: Currency
    lines: Lines


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of PATCH /orders/{id}: what is left out stays; `lines` replaces all of them."""

    version: Version
    customer: Customer | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    lines: Lines | UnsetType = UNSET


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """An order without its lines."""

    id: UUID
    customer: str
    currency: str
    total: int
    status: Status
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime


class Order(Summary, frozen=True, rename="camel"):
    """An order with its lines, as they were written down."""

    lines: list[Line]


class Orders(msgspec.Struct, frozen=True):
    """Some orders, newest first; `next` is the cursor of the next page, null after the last."""

    items: list[Summary]
    next: str | None


class NewAttachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /orders/{id}/attachments: what the caller is going to send."""

    name: FileName
    type: FileType
    size: FileSize
    checksum: Checksum


class Permission(msgspec.Struct, frozen=True, rename="camel"):
    """Where to send an attachment: `method` to `url`, with exactly these headers, before `expires_at`."""

    id: UUID
    url: str
    method: str
    headers: dict[str, str]
    expires_at: datetime


class Noted(msgspec.Struct, frozen=True):
    """An attachment as we know it; `stored_at` is None until its bytes have arrived."""

    id: UUID
    name: str
    type: str
    size: int
    checksum: str
    created_by: str
    created_at: datetime
    stored_at: datetime | None


class Attachment(msgspec.Struct, frozen=True, rename="camel"):
    """An attachment as it is shown; `link` fetches it, for ten minutes, once it has arrived."""

    id: UUID
    name: str
    type: str
    size: int
    checksum: str
    created_by: str
    created_at: datetime
    stored_at: datetime | None
    link: str | None


class Attachments(msgspec.Struct, frozen=True):
    """An order's attachments, oldest first."""

    items: list[Attachment]


def utc(row: Row) -> Row:
    """`row`, its instants in UTC: the session's zone is the server's business."""
    changed = {
        name: value.astimezone(UTC)
        for name, value in msgspec.structs.asdict(row).items()
        if isinstance(value, datetime)
    }
    return msgspec.structs.replace(row, **changed)
