"""What the issuer reads and answers: forms and queries with each name once, errors as OAuth has them."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from lamppost.local.http_messages import Request, Response

LOOPBACK = ("127.0.0.1", "localhost", "::1")
NO_STORE = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
MAX_FORM = 16 * 1024
_FORM = "application/x-www-form-urlencoded"


class Refused(Exception):
    """An OAuth error: its name, and what to do about it.

    https://www.rfc-editor.org/rfc/rfc6749#section-5.2
    """

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


def form(request: Request) -> dict[str, str]:
    """The fields of a posted form. Raises `Refused`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM or len(request.body) > MAX_FORM:
        raise Refused("invalid_request", f"post a form: {_FORM}, {MAX_FORM} bytes at most")
    try:
        return fields(request.body.decode("ascii"))
    except UnicodeDecodeError as error:
        raise Refused("invalid_request", "the form is not percent-encoded") from error


def fields(encoded: str) -> dict[str, str]:
    """The names and values of a query, each name once and without control characters. Raises `Refused`."""
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, errors="strict", max_num_fields=40)
    except ValueError as error:
        raise Refused("invalid_request", "the parameters are not percent-encoded UTF-8") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("invalid_request", "a parameter stands twice")
    if not all(value.isprintable() for value in found.values()):
        raise Refused("invalid_request", "a parameter holds a control character")
    return found


def json(value: object, request: Request, status: int = 200, **headers: str) -> Response:
    """A JSON answer, readable by a page on this machine and by no other."""
    return Response(
        status,
        {"content-type": "application/json", **NO_STORE, **sharing(request), **headers},
        msgspec.json.encode(value),
    )


def refusal(refused: Refused, request: Request) -> Response:
    """An OAuth error as JSON."""
    document = {"error": refused.error, "error_description": refused.description}
    scheme = {"www-authenticate": 'Basic realm="lamppost"'} if refused.status == 401 else {}
    return json(document, request, refused.status, **scheme)


def sharing(request: Request) -> dict[str, str]:
    """CORS headers for an application in development: another port of this machine, nothing else."""
    origin = request.headers.get("origin", "")
    if origin and is_loopback(origin):
        return {"access-control-allow-origin": origin, "vary": "origin"}
    return {"vary": "origin"}


def is_loopback(url: str) -> bool:
    """Whether `url` is an HTTP address of this machine, written so that no two readers differ."""
    if not url.isascii() or not url.isprintable() or set(url) & set(' \\#"<>@') or len(url) > 2000:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname in LOOPBACK


def with_query(url: str, more: dict[str, str]) -> str:
    """`url` with more parameters."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(more)}"
