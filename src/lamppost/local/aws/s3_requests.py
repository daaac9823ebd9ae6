"""What a request asks S3 for: which bucket and key, and its query, decoded once and no more.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

from collections.abc import Callable
from urllib.parse import quote, unquote_to_bytes

import msgspec

from lamppost.declare import limits
from lamppost.errors import CallerError
from lamppost.local.aws.calls import refused
from lamppost.local.http import Request

_HOME = "localhost"


class Asked(msgspec.Struct, frozen=True):
    """A request, read. `path` is the canonical one; `query` is in the order it came, decoded."""

    request: Request
    bucket: str
    key: str
    path: str
    query: tuple[tuple[str, str], ...]

    def parameter(self, name: str) -> str | None:
        """The query parameter's value; the first, where there are several."""
        return next((value for known, value in self.query if known == name), None)


def read(request: Request) -> Asked:
    """The request, read. Raises `CallerError` for what is not UTF-8, or too long."""
    path = unquote_to_bytes(request.path)
    bucket = hosted(request)
    key = path[1:]
    if bucket is None:
        first, _, key = path[1:].partition(b"/")
        bucket = first.decode("utf-8", "replace")
    if b"\x00" in path:
        raise bad_uri()
    if len(key) > limits.OBJECT_KEY_BYTES:
        raise refused("KeyTooLongError", "Your key is too long")
    try:
        decoded = key.decode()
    except UnicodeDecodeError as broken:
        raise bad_uri() from broken
    if ".." in decoded.split("/"):
        raise bad_uri()
    return Asked(request, bucket, decoded, quote(path, safe="/-_.~"), _query(request.query))


def bad_uri() -> CallerError:
    """AWS's refusal of an address it cannot read."""
    return refused("InvalidURI", "Couldn't parse the specified URI.")


def hosted(request: Request) -> str | None:
    """The bucket in the Host header, `files.localhost:8001` or `files.s3.localhost`; None without one."""
    name = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if not name.endswith(f".{_HOME}"):
        return None
    bucket = name.removesuffix(f".{_HOME}").removesuffix(".s3")
    return None if bucket == "s3" else bucket


def concerns_s3(request: Request, known: Callable[[str], bool]) -> bool:
    """Whether a request is for S3: by its signature, or because it names a `known` bucket."""
    if "x-amz-target" in request.headers:
        return False
    if "/s3/aws4_request" in request.headers.get("authorization", "") or "X-Amz-Algorithm=" in request.query:
        return True
    first = unquote_to_bytes(request.path)[1:].partition(b"/")[0]
    return known(hosted(request) or first.decode("utf-8", "replace"))


def _query(query: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        try:
            pairs.append((unquote_to_bytes(name).decode(), unquote_to_bytes(value).decode()))
        except UnicodeDecodeError as broken:
            raise bad_uri() from broken
    return tuple(pairs)
