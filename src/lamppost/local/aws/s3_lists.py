"""Lists for the operator's eyes: `aws s3 ls`."""

import base64
import binascii
import time
from urllib.parse import quote

from lamppost.declare import names
from lamppost.local.aws.calls import refused
from lamppost.local.aws.s3_answers import text, xml
from lamppost.local.aws.s3_requests import Asked
from lamppost.local.http import Response
from lamppost.local.objects import Meta

_PAGE = 1_000


def buckets(known: list[str]) -> Response:
    """ListBuckets."""
    owner = f"<Owner><ID>{names.LOCAL_ACCOUNT}</ID></Owner>"
    made = "<CreationDate>1970-01-01T00:00:00.000Z</CreationDate>"
    listed = "".join(f"<Bucket><Name>{name}</Name>{made}</Bucket>" for name in known)
    return xml("ListAllMyBucketsResult", f"{owner}<Buckets>{listed}</Buckets>")


def objects(asked: Asked, metas: list[Meta]) -> Response:
    """ListObjectsV2 over `metas`, which are in the order of their keys."""
    if asked.parameter("list-type") != "2":
        raise refused("NotImplemented", "Lists are served as ListObjectsV2 (list-type=2)", status=501)
    prefix, delimiter = asked.parameter("prefix") or "", asked.parameter("delimiter") or ""
    page = asked.parameter("max-keys") or str(_PAGE)
    if not page.isdecimal() or not page.isascii():
        raise refused("InvalidArgument", "Provided max-keys not an integer or within integer range")
    size = min(int(page), _PAGE)
    after = _after(asked)
    entries: dict[str, Meta | None] = {}
    cut = False
    for meta in metas:
        if not meta.key.startswith(prefix):
            continue
        end = meta.key.find(delimiter, len(prefix)) if delimiter else -1
        entry = meta.key if end < 0 else meta.key[: end + len(delimiter)]
        if entry in entries or entry.encode() <= after.encode():
            continue
        if len(entries) >= size:
            cut = True
            break
        entries[entry] = meta if end < 0 else None
    encode = quote if asked.parameter("encoding-type") == "url" else text
    inside = "".join(_entry(encode(name), meta) for name, meta in entries.items())
    token = base64.urlsafe_b64encode(next(reversed(entries)).encode()).decode() if cut and entries else ""
    inside += f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return xml(
        "ListBucketResult",
        f"<Name>{text(asked.bucket)}</Name><Prefix>{encode(prefix)}</Prefix><KeyCount>{len(entries)}</KeyCount>"
        f"<MaxKeys>{size}</MaxKeys><IsTruncated>{str(bool(token)).lower()}</IsTruncated>"
        + (f"<Delimiter>{encode(delimiter)}</Delimiter>" if delimiter else "")
        + ("<EncodingType>url</EncodingType>" if encode is quote else "")
        + inside,
    )


def _after(asked: Asked) -> str:
    token = asked.parameter("continuation-token")
    if token is None:
        return asked.parameter("start-after") or ""
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, ValueError) as wrong:
        raise refused("InvalidArgument", "The continuation token provided is incorrect") from wrong


def _entry(name: str, meta: Meta | None) -> str:
    if meta is None:
        return f"<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"
    modified = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(meta.at))
    return (
        f"<Contents><Key>{name}</Key><LastModified>{modified}</LastModified><ETag>&quot;{meta.etag}&quot;</ETag>"
        f"<Size>{meta.size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )
