"""Buckets: where what is too large for a request or a row is kept, and what may be done with it."""

import re
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from lamppost.declare import limits, names
from lamppost.errors import AuthorError

_NAME = re.compile(r"^[a-z0-9]([a-z0-9{}-]*[a-z0-9}])?$")
_TYPE = re.compile(r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$")
_ORIGIN = re.compile(r"^https?://[a-z0-9.-]+(:\d{1,5})?$")
_PLACE = re.compile(r"^(?P<bucket>[^/]+)(?P<below>(/[A-Za-z0-9][A-Za-z0-9._-]*)*)$")


def megabytes(count: float) -> int:
    """`count` megabytes (of 1,048,576 bytes), in bytes."""
    return int(count * 1024 * 1024)


class Bucket(msgspec.Struct, frozen=True):
    """A private, encrypted S3 bucket, reached over TLS only, and what it takes.

    Clients bring objects by a link that names one key, one of `types`, one size up to `largest` (bytes) and
    one checksum, and fetch them by a link to one object. `cors` lists the origins whose pages may use such
    links. After `keep` (whole days) an object is gone; None keeps it until somebody deletes it. Versioning is
    off: what is deleted is deleted.
    """

    name: str
    about: str
    keep: timedelta | None = None
    types: tuple[str, ...] = ("application/octet-stream",)
    largest: int = megabytes(25)
    cors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        what = f"bucket {self.name!r}"
        longest = names.bucket(self.name, "staging")
        if not _NAME.match(self.name) or len(longest) > limits.BUCKET_NAME_CHARS:
            raise AuthorError(
                f"{what}: S3 names hold lower-case letters, digits and -, {limits.BUCKET_NAME_CHARS}"
                " characters with the stage and the account",
                fix='write it like "orders-files"',
            )
        if self.keep is not None and (self.keep.days < 1 or self.keep % timedelta(days=1)):
            raise AuthorError(
                f"{what} keeps objects {self.keep}; S3 counts whole days",
                fix="change keep= to days(1) or more",
            )
        if not 1 <= self.largest <= limits.OBJECT_BYTES:
            raise AuthorError(
                f"{what} takes objects of {self.largest} bytes; one PUT carries 1 to {limits.OBJECT_BYTES}",
                fix="change largest=",
            )
        for kind in self.types or ("",):
            if not _TYPE.match(kind):
                raise AuthorError(
                    f"{what} takes the type {kind!r}", fix='list media types such as "image/png" in types='
                )
        for origin in self.cors:
            if not _ORIGIN.match(origin):
                raise AuthorError(
                    f"{what} lets pages of {origin!r} in, which is no origin",
                    fix='write it like "https://app.example", without a path; * would be everybody',
                )


def place(stores: str) -> tuple[str, str]:
    """The bucket and the prefix in one of a function's `stores`: `files/invoices` is `files`, `invoices/`.

    Raises `AuthorError` for what is neither a bucket nor a folder in one.
    """
    match = _PLACE.match(stores)
    if match is None or match["below"].startswith(f"/{limits.ANSWERS.rstrip('/')}"):
        raise AuthorError(
            f"a function stores in {stores!r}, which is neither a bucket nor a folder in one",
            fix='write it like "orders-files" or "orders-files/invoices"',
        )
    return match["bucket"], f"{match['below'][1:]}/" if match["below"] else ""


class Upload(msgspec.Struct, frozen=True):
    """A permission to store one object: `method` to `url` with exactly these `headers`, before `expires_at`.

    A browser sends Content-Length by itself, and refuses to let a script do so.
    """

    key: str
    url: str
    method: str
    headers: dict[str, str]
    expires_at: datetime


class Stored(msgspec.Struct, frozen=True):
    """An object that is there: bytes, media type, and its SHA-256 in base64 where it came with one."""

    size: int
    type: str
    checksum: str | None
    stored_at: datetime


class Objects(Protocol):
    """What a function may do with the objects of one of its `stores`. Keys are below that place.

    A key is 1 to 1,024 bytes of UTF-8 in segments divided by `/`. One that leads elsewhere or reads like
    another is refused with a 422, object_key_invalid.
    """

    def of(self, tenant: UUID) -> "Objects":
        """The objects of one tenant: their keys stand below its id, and no key leads out of there."""
        ...

    def upload(
        self, key: str, *, type: str, size: int, checksum: str, expires: timedelta = timedelta(minutes=10)
    ) -> Upload:
        """A permission for a client to store one object under `key`, whatever is there now.

        The object has this media `type`, `size` in bytes and `checksum` (its SHA-256 in base64), or S3
        refuses it. Nothing is stored yet: ask `head` when the client says that it is done. Raises
        `CallerError`: 413 object_too_large, 415 object_type_refused, 422 object_checksum_invalid,
        object_size_invalid.
        """
        ...

    def link(
        self,
        key: str,
        *,
        expires: timedelta = timedelta(minutes=10),
        filename: str | None = None,
        inline: bool = False,
    ) -> str:
        """A link under which anybody may fetch the object until it expires; a missing one answers 404.

        A browser saves it as `filename`; with `inline` it may show it instead.
        """
        ...

    def head(self, key: str) -> Stored | None:
        """What S3 knows of the object; None when there is none. One request."""
        ...

    def put(self, key: str, body: bytes, *, type: str) -> Stored:
        """Store an object, whole. One request; for what a function holds in its memory anyway."""
        ...

    def get(self, key: str) -> bytes | None:
        """The object's bytes; None when there is none. One request."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object, at once and for good; one that is not there is no mistake. One request.

        The place must be in the function's `deletes=`. A permission that `upload` gave still holds until it
        expires: who has one may bring the object again.
        """
        ...
