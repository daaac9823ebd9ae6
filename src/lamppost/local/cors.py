"""CORS as API Gateway does it for an HTTP API: the gateway answers preflights, and its headers win.

"API Gateway automatically sends a response to preflight OPTIONS requests, even if there isn't an OPTIONS
route", and "ignores CORS headers returned from your backend integration".
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from lamppost.declare import names
from lamppost.derive.manifest import CorsEntry
from lamppost.local.http_messages import Request, Response

_PREFIX = "access-control-"


def preflight(cors: CorsEntry | None, request: Request) -> Response | None:
    """The answer to a preflight; None for what is none, or where no CORS is declared.

    A page that is not let in gets 204 too, without a word about CORS: its browser stops there.
    """
    if cors is None or request.method != "OPTIONS":
        return None
    if "origin" not in request.headers or "access-control-request-method" not in request.headers:
        return None
    answered = Response(204, _vary(cors, {}))
    allowed = _allowed(cors, request)
    if allowed is not None:
        answered.headers |= _common(cors, allowed)
        answered.headers["access-control-allow-methods"] = ",".join(cors.methods)
        answered.headers["access-control-allow-headers"] = ",".join(cors.headers)
        answered.headers["access-control-max-age"] = str(cors.max_age)
    return answered


def dress(cors: CorsEntry | None, request: Request, answered: Response) -> Response:
    """`answered` with the declared headers instead of its own."""
    if cors is None:
        return answered
    kept = {name: value for name, value in answered.headers.items() if not name.startswith(_PREFIX)}
    allowed = _allowed(cors, request)
    answered.headers = _vary(cors, kept) | (_common(cors, allowed) if allowed is not None else {})
    return answered


def _allowed(cors: CorsEntry, request: Request) -> str | None:
    """What Access-Control-Allow-Origin says to this page; None for one that is not let in."""
    origin = request.headers.get("origin")
    if origin is None:
        return None
    declared = [one.replace("{env}", names.LOCAL_ENV) for one in (*cors.origins, *cors.local)]
    if "*" in declared:
        return "*"
    scheme = origin.partition("://")[0]
    return origin if origin in declared or f"{scheme}://*" in declared else None


def _common(cors: CorsEntry, origin: str) -> dict[str, str]:
    said = {"access-control-allow-origin": origin}
    if cors.credentials:
        said["access-control-allow-credentials"] = "true"
    if cors.expose:
        said["access-control-expose-headers"] = ",".join(cors.expose)
    return said


def _vary(cors: CorsEntry, headers: dict[str, str]) -> dict[str, str]:
    if "*" in (*cors.origins, *cors.local):
        return headers
    # A cache must not show one page's answer to another.
    mine = [name.strip() for name in headers.get("vary", "").split(",") if name.strip()]
    if "*" in mine or "origin" in (name.lower() for name in mine):
        return headers
    return {**headers, "vary": ", ".join([*mine, "origin"])}
