"""Handlers around a bucket."""

from typing import Any
from uuid import UUID

import msgspec

from lamppost import Context, Response, Upload, not_found


class File(msgspec.Struct, forbid_unknown_fields=True):
    """What a client wants to bring."""

    name: str
    type: str
    size: int
    checksum: str


class Note(msgspec.Struct, forbid_unknown_fields=True):
    """A few words."""

    text: str


def bring(tenant: UUID, body: File, ctx: Context) -> Upload:
    """A permission to store one file."""
    kept = ctx.bucket("test-files/kept").of(tenant)
    return kept.upload(body.name, type=body.type, size=body.size, checksum=body.checksum)


def fetch(tenant: UUID, name: str, ctx: Context) -> dict[str, Any]:
    """What is known of a file, and a link to it."""
    kept = ctx.bucket("test-files/kept").of(tenant)
    stored = kept.head(name)
    if stored is None:
        raise not_found("file_missing", "no such file")
    return {"size": stored.size, "type": stored.type, "link": kept.link(name, filename=name)}


def note(tenant: UUID, body: Note, ctx: Context) -> None:
    """Store some words."""
    ctx.bucket("test-files/notes").of(tenant).put("note", body.text.encode(), type="text/plain")


def read_note(tenant: UUID, ctx: Context) -> Response:
    """Read them."""
    return Response(body=ctx.bucket("test-files/notes").of(tenant).get("note"))


def report(megabytes: int) -> list[str]:
    """A list of this size as JSON, with quotes that JSON inside JSON doubles."""
    return ["x" * 1021] * (megabytes * 1024)


def picture(megabytes: int) -> Response:
    """As many bytes, which are no text."""
    return Response(
        body=b"\xff" * (megabytes * 1024 * 1024),
        headers={"content-type": "image/png", "x-kind": "picture"},
        cookies=("seen=1",),
    )


def elsewhere(ctx: Context) -> None:
    """Asks for what its function does not declare."""
    ctx.bucket("test-files")
