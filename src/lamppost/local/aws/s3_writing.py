"""What a PUT asks for besides its bytes: the object's headers, its condition, and what is not served."""

from collections.abc import Callable, Mapping

from lamppost.declare import limits
from lamppost.local.aws.calls import refused
from lamppost.local.aws.s3_bodies import Body
from lamppost.local.aws.s3_requests import Asked
from lamppost.local.objects import Meta

_KEPT = ("cache-control", "content-disposition", "content-language", "content-type", "expires")
_META = "x-amz-meta-"
_SUBRESOURCES = frozenset(
    {
        "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering",
        "inventory", "legal-hold", "lifecycle", "logging", "metrics", "notification", "object-lock",
        "ownershipControls", "partNumber", "policy", "policyStatus", "publicAccessBlock", "replication",
        "requestPayment", "restore", "retention", "select", "tagging", "torrent", "uploadId", "uploads",
        "versionId", "versioning", "versions", "website",
    }
)  # fmt: skip
_UNSERVED = (
    "x-amz-copy-source",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
)


def refuse_unserved(asked: Asked) -> None:
    """Raise a 501 for what S3 can and this machine cannot: better than to do half of it."""
    for name, _ in asked.query:
        if name in _SUBRESOURCES:
            hint = ": an object of more than 8 MB is sent in parts unless multipart_threshold is raised"
            raise refused(
                "NotImplemented",
                f"?{name} is not served on one machine{hint if name.startswith('upload') else ''}",
                status=501,
            )
    headers = asked.request.headers
    if headers.get("x-amz-acl", "private") not in ("private", "bucket-owner-full-control"):
        raise refused("AccessControlListNotSupported", "The bucket does not allow ACLs")
    for name in headers:
        if name in _UNSERVED or name.startswith(("x-amz-object-lock", "x-amz-server-side-encryption-")):
            raise refused("NotImplemented", f"{name} is not served on one machine", status=501)


def meta_of(asked: Asked, body: Body, *, at: int) -> Meta:
    """What is to be known of the object that a PUT brings. Raises a 400 for metadata over 2 KB."""
    headers = asked.request.headers
    kept = {name: headers[name] for name in _KEPT if name in headers}
    kept.setdefault("content-type", "binary/octet-stream")
    encodings = [part.strip() for part in headers.get("content-encoding", "").split(",")]
    encoding = ",".join(part for part in encodings if part and part != "aws-chunked")
    if encoding:
        kept["content-encoding"] = encoding
    own = {name: value for name, value in headers.items() if name.startswith(_META)}
    if sum(len(name) - len(_META) + len(value) for name, value in own.items()) > limits.OBJECT_METADATA_BYTES:
        raise refused("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
    return Meta(asked.key, len(body.raw), body.etag, at, {**kept, **own}, body.checksums)


def wanted(headers: Mapping[str, str]) -> Callable[[Meta | None], bool] | None:
    """What may be there now for this PUT to replace it, by If-Match and If-None-Match."""
    match, none = headers.get("if-match"), headers.get("if-none-match")
    if match is None and none is None:
        return None
    if match is not None and none is not None:
        raise refused("InvalidRequest", "If-Match and If-None-Match exclude each other")
    if none is not None and none.strip() != "*":
        raise refused("NotImplemented", "If-None-Match takes * and nothing else", status=501)
    if none is not None:
        return lambda there: there is None
    etag = (match or "").strip().strip('"')
    return lambda there: there is not None and etag in ("*", there.etag)
