"""The bytes of a PUT: unframed, counted, and compared with every checksum that came with them.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
import binascii
import hashlib
import hmac
import re
import zlib
from collections.abc import Mapping

import msgspec

from lamppost.errors import CallerError
from lamppost.local.aws.calls import refused
from lamppost.local.aws.checksums import crc32c, crc64nvme

CHECKSUM = "x-amz-checksum-"
_STREAMING = "STREAMING-"
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIZES = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}


class Body(msgspec.Struct, frozen=True):
    """An object's bytes, their MD5 in hex, and the checksums they came with, in base64."""

    raw: bytes
    etag: str
    checksums: dict[str, str]


def read(headers: Mapping[str, str], body: bytes, payload: str) -> Body:
    """The object in a request's `body`; `payload` is its X-Amz-Content-SHA256. Raises `CallerError`."""
    stated = dict(headers)
    if payload.startswith(_STREAMING):
        body = _unchunked(headers, body, stated)
    elif "content-length" not in headers:
        raise refused("MissingContentLength", "You must provide the Content-Length HTTP header.", status=411)
    elif _HEX_SHA256.fullmatch(payload) and hashlib.sha256(body).hexdigest() != payload:
        raise refused(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    md5 = hashlib.md5(body, usedforsecurity=False)
    _check_md5(headers.get("content-md5"), md5.digest())
    return Body(body, md5.hexdigest(), _checksums(stated, body))


def _checksums(stated: Mapping[str, str], body: bytes) -> dict[str, str]:
    given = {
        name.removeprefix(CHECKSUM): value
        for name, value in stated.items()
        if name.startswith(CHECKSUM) and name.removeprefix(CHECKSUM) not in ("algorithm", "type", "mode")
    }
    if len(given) > 1:
        raise refused("InvalidRequest", "Expecting a single x-amz-checksum- header.")
    for name, value in given.items():
        if name not in _SIZES or _decoded(value, _SIZES[name]) is None:
            raise refused("InvalidRequest", f"Value for {CHECKSUM}{name} header is invalid.")
        if not hmac.compare_digest(_sum(name, body), base64.b64decode(value)):
            raise refused(
                "BadDigest", f"The {name.upper()} you specified did not match the calculated checksum."
            )
    return given


def _sum(name: str, body: bytes) -> bytes:
    if name == "crc32":
        return zlib.crc32(body).to_bytes(4, "big")
    if name == "crc32c":
        return crc32c(body)
    if name == "crc64nvme":
        return crc64nvme(body)
    return hashlib.new(name, body, usedforsecurity=False).digest()


def _check_md5(given: str | None, ours: bytes) -> None:
    if given is None:
        return
    theirs = _decoded(given, len(ours))
    if theirs is None:
        raise refused("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if not hmac.compare_digest(theirs, ours):
        raise refused("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _decoded(text: str, size: int) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == size else None


def _unchunked(headers: Mapping[str, str], framed: bytes, stated: dict[str, str]) -> bytes:
    """The bytes inside AWS's own chunks; announced trailers go to `stated`.

    The signature of each chunk is not compared: what its checksum does not catch, loopback does not do.
    """
    length = headers.get("x-amz-decoded-content-length", "")
    if not length.isdecimal():
        raise refused(
            "MissingContentLength",
            "You must provide the X-Amz-Decoded-Content-Length HTTP header.",
            status=411,
        )
    parts: list[bytes] = []
    at = 0
    while True:
        end = framed.find(b"\r\n", at)
        size_text = framed[at:end].partition(b";")[0] if end >= 0 else b""
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size_text):
            raise _incomplete()
        at, size = end + 2, int(size_text, 16)
        if size == 0:
            break
        if framed[at + size : at + size + 2] != b"\r\n":
            raise _incomplete()
        parts.append(framed[at : at + size])
        at += size + 2
    body = b"".join(parts)
    if len(body) != int(length):
        raise _incomplete()
    announced = {name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()}
    for line in framed[at:].split(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(":")
        if name.strip().lower() in announced:
            stated[name.strip().lower()] = value.strip()
    if announced - stated.keys():
        raise refused(
            "MalformedTrailerError", "The request contained trailing data that was not well-formed."
        )
    return body


def _incomplete() -> CallerError:
    return refused(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header.",
    )
