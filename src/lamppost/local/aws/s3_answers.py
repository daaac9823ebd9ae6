"""S3's answers: an object's headers, its ranges and conditions, and errors in XML."""

import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from html import escape

from lamppost.errors import CallerError
from lamppost.local.aws.calls import refused
from lamppost.local.aws.s3_bodies import CHECKSUM
from lamppost.local.http import Request, Response
from lamppost.local.objects import Meta

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
# What XML 1.0 has no way to write.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_OVERRIDES = (
    "cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires",
)  # fmt: skip


def text(value: str) -> str:
    """`value` as XML has it."""
    return escape(_UNWRITABLE.sub("\ufffd", value))


def xml(name: str, inside: str, *, status: int = 200) -> Response:
    """A document of S3's."""
    space = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' if status == 200 else ""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}{space}>{inside}</{name}>'
    return Response(status, {"content-type": "application/xml"}, body.encode())


def error(refusal: CallerError, request: Request, request_id: str) -> Response:
    """A refusal as S3 words it. HEAD has no body, as there."""
    if refusal.status == 304:
        return Response(304)
    response = xml(
        "Error",
        f"<Code>{text(refusal.code)}</Code><Message>{text(refusal.what)}</Message>"
        f"<Resource>{text(request.path)}</Resource><RequestId>{request_id}</RequestId>",
        status=refusal.status,
    )
    return Response(response.status, response.headers) if request.method == "HEAD" else response


def missing() -> CallerError:
    """No object has this key."""
    return refused("NoSuchKey", "The specified key does not exist.", status=404)


def precondition_failed() -> CallerError:
    """What is there is not what the caller said it wanted to find."""
    return refused(
        "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", status=412
    )


def headers(meta: Meta, *, with_checksums: bool) -> dict[str, str]:
    """An object's own headers, and S3's about it."""
    known = {
        **meta.headers,
        "etag": f'"{meta.etag}"',
        "last-modified": formatdate(meta.at, usegmt=True),
        "accept-ranges": "bytes",
        "x-amz-server-side-encryption": "AES256",
        # On one machine the AWS port is the objects' own origin: nothing stored may run there.
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox",
    }
    if with_checksums and meta.checksums:
        known.update({f"{CHECKSUM}{name}": value for name, value in meta.checksums.items()})
        known["x-amz-checksum-type"] = "FULL_OBJECT"
    return known


def overridden(query: Mapping[str, str]) -> dict[str, str]:
    """The headers that a request wants in place of the object's own (`response-content-type`)."""
    return {name: query[f"response-{name}"] for name in _OVERRIDES if f"response-{name}" in query}


def check_conditions(meta: Meta, asked: Mapping[str, str]) -> None:
    """Raise a 412 or a 304 when the object is not the one wanted (RFC 9110, 13.2.2)."""
    unchanged = refused("NotModified", "Not Modified", status=304)
    if "if-match" in asked:
        if not _names(asked["if-match"], meta.etag):
            raise precondition_failed()
    elif "if-unmodified-since" in asked and _later(meta.at, asked["if-unmodified-since"]):
        raise precondition_failed()
    if "if-none-match" in asked:
        if _names(asked["if-none-match"], meta.etag):
            raise unchanged
    elif "if-modified-since" in asked and _later(meta.at, asked["if-modified-since"]) is False:
        raise unchanged


def span(meta: Meta, wanted: str | None) -> tuple[int, int] | None:
    """The first byte and the one behind the last of a Range; None for the whole. Raises a 416."""
    match = _RANGE.fullmatch(wanted.strip()) if wanted else None
    if match is None or match[1] == match[2] == "":
        return None  # several ranges, or none that S3 reads: the whole object
    if match[1] == "":
        first, end = max(0, meta.size - int(match[2])), meta.size
    else:
        first, end = int(match[1]), min(int(match[2] or meta.size) + 1, meta.size)
        if match[2] and int(match[2]) < first:
            return None
    if first >= end:
        raise refused("InvalidRange", "The requested range is not satisfiable", status=416)
    return first, end


def _names(tags: str, etag: str) -> bool:
    return tags.strip() == "*" or etag in [
        tag.strip().removeprefix("W/").strip('"') for tag in tags.split(",")
    ]


def _later(at: int, moment: str) -> bool | None:
    """Whether the object is newer than a date; None when it is no date."""
    try:
        return at > parsedate_to_datetime(moment).timestamp()
    except ValueError:
        return None
