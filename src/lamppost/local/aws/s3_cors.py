"""Which pages may use a bucket's links: the origins its declaration lists, and no others.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from lamppost.derive.manifest import BucketEntry
from lamppost.errors import CallerError
from lamppost.local.aws.calls import refused
from lamppost.local.http import Request, Response

METHODS = ("GET", "HEAD", "PUT")
# Who a page is to S3 when an API of another origin has sent it here for a large answer. The link is the
# credential, and a browser adds none of its own.
REDIRECTED = "null"
EXPOSED = "etag, content-length, content-disposition, x-amz-checksum-sha256"


def preflight(request: Request, bucket: BucketEntry) -> Response:
    """The answer to a browser that asks before it sends. Raises a 403 where the page has no business."""
    wanted = request.headers.get("access-control-request-method", "")
    if "origin" not in request.headers or not wanted:
        raise refused("BadRequest", "Insufficient information. Origin request header needed.")
    allowed = headers(request, bucket)
    if not allowed or wanted not in METHODS:
        raise _forbidden()
    asked = request.headers.get("access-control-request-headers")
    more = {"access-control-allow-headers": asked} if asked else {}
    return Response(200, {**allowed, **more, "access-control-max-age": "3000"})


def headers(request: Request, bucket: BucketEntry) -> dict[str, str]:
    """What lets the page that asks read the answer; nothing for other pages."""
    origin = request.headers.get("origin")
    if origin is None or not _lets_in(bucket, origin, request):
        return {}
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": ", ".join(METHODS),
        "access-control-expose-headers": EXPOSED,
        "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }


def _lets_in(bucket: BucketEntry, origin: str, request: Request) -> bool:
    if origin == REDIRECTED:
        return bool(bucket.cors) and request.method in ("GET", "HEAD")
    return origin in bucket.cors


def _forbidden() -> CallerError:
    return refused(
        "AccessForbidden", "CORSResponse: This CORS request is not allowed for this bucket.", status=403
    )
