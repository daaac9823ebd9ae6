"""Which pages may use a bucket's links: the origins its declaration lists, and no others.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from lamppost.derive.manifest import BucketEntry
from lamppost.errors import CallerError
from lamppost.local.aws.calls import refused
from lamppost.local.http import Request, Response

METHODS = ("GET", "HEAD", "PUT")
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
    if origin is None or origin not in bucket.cors:
        return {}
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": ", ".join(METHODS),
        "access-control-expose-headers": EXPOSED,
        "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }


def _forbidden() -> CallerError:
    return refused(
        "AccessForbidden", "CORSResponse: This CORS request is not allowed for this bucket.", status=403
    )
