"""What comes in and goes out over HTTP. Instants are UTC."""

from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.users.rules import Role, Status

Row = TypeVar("Row", bound=msgspec.Struct)
Name = Annotated[str, Meta(min_length=1, description="1 to 100 characters; space around it is cut off")]
Email = Annotated[
    str, Meta(description="an address, kept in lower case", extra_json_schema={"format": "email"})
]
Subject = Annotated[str, Meta(min_length=1, max_length=200, description="a person, as tokens name them")]
Limit = Annotated[int, Meta(ge=1, le=100, description="how many at once")]
Cursor = Annotated[str, Meta(min_length=1, max_length=1024, description="`next` of the page before")]


class Now(msgspec.Struct, frozen=True):
    """The database's now."""

    now: datetime


class NewProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /profile. The e-mail is for contact; nobody has verified it."""

    name: Name
    email: Email | None = None


class ProfileChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of PATCH /profile: what is left out stays, null takes the e-mail away."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET


class Profile(msgspec.Struct, frozen=True, rename="camel"):
    """A person."""

    subject: str
    name: str
    email: str | None
    created_at: datetime
    updated_at: datetime


class NewOrganisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST and PATCH: an organisation's name. Several may have the same."""

    name: Name


class Organisation(msgspec.Struct, frozen=True, rename="camel"):
    """An organisation; `role` is the caller's in it."""

    id: UUID
    name: str
    role: Role
    created_at: datetime
    updated_at: datetime


class Mine(msgspec.Struct, frozen=True, rename="camel"):
    """An organisation that the caller belongs to, is invited to or suspended from."""

    organisation: UUID
    name: str
    membership: UUID
    role: Role
    status: Status
    invited_until: datetime | None


class MyOrganisations(msgspec.Struct, frozen=True):
    """Some of them, oldest membership first; `next` is the cursor of the next page, null after the last."""

    items: list[Mine]
    next: str | None


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an invitation: who (a `subject` or an `email`, one of the two), and as what."""

    role: Role
    subject: Subject | None = None
    email: Email | None = None


class Acceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an acceptance: the `code` of an invitation by e-mail; nothing for one by subject."""

    code: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


class MembershipChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of PATCH: what is left out stays."""

    role: Role | UnsetType = UNSET
    status: Literal["active", "suspended"] | UnsetType = UNSET


class Membership(msgspec.Struct, frozen=True, rename="camel"):
    """Somebody in an organisation; `name` is their profile's, `email` where they were invited at."""

    id: UUID
    subject: str | None
    name: str | None
    email: str | None
    role: Role
    status: Status
    invited_until: datetime | None
    created_at: datetime
    updated_at: datetime


class Invited(msgspec.Struct, frozen=True, rename="camel"):
    """A fresh invitation. Whoever brings the `code` may accept it: it is shown this once, for the mail."""

    membership: Membership
    code: str | None


class Members(msgspec.Struct, frozen=True):
    """Some memberships, oldest first; `next` is the cursor of the next page, null after the last."""

    items: list[Membership]
    next: str | None


def utc(row: Row) -> Row:
    """`row`, its instants in UTC: the session's zone is the server's business."""
    changed = {
        name: value.astimezone(UTC)
        for name, value in msgspec.structs.asdict(row).items()
        if isinstance(value, datetime)
    }
    return msgspec.structs.replace(row, **changed)
