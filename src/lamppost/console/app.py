"""The console: `/` is the page, `/_console/state` what it shows, as JSON for whoever asks."""

import hashlib
from base64 import b64encode
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from lamppost.console.look import look
from lamppost.console.page import page, script, sections, style
from lamppost.local.http import Handler, Request, Response

if TYPE_CHECKING:
    from lamppost.local.system import System

STATE = "/_console/state"


def apps(system: "System") -> dict[str, Handler]:
    """The console of `system`, by the first path segments that are its own."""
    console = Console(system)
    return {"": console, "_console": console}


class Console:
    """The front page of one system. It reads; it changes nothing, so it asks for no token."""

    def __init__(self, system: "System") -> None:
        self._system = system

    async def __call__(self, request: Request) -> Response:
        """Answer `GET /` and `GET /_console/state`."""
        if request.path not in ("/", STATE):
            return _plain(404, "there is no such page; the console is at /\n")
        if request.method not in ("GET", "HEAD"):
            return _plain(405, "this page is for reading\n", allow="GET, HEAD")
        seen = await look(self._system)
        if request.path == "/":
            return Response(200, _headers("text/html; charset=utf-8"), page(seen).encode())
        drawn = {name: str(html) for name, html in sections(seen).items()}
        answer = msgspec.json.encode({"state": seen, "sections": drawn})
        return Response(200, _headers("application/json"), answer)


def _plain(status: int, text: str, **more: str) -> Response:
    return Response(status, {**_headers("text/plain; charset=utf-8"), **more}, text.encode())


def _headers(kind: str) -> dict[str, str]:
    return {
        "content-type": kind,
        "cache-control": "no-store",
        "content-security-policy": _policy(),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


@cache
def _policy() -> str:
    """Our own style and script by their digests, our own origin, nothing else."""
    return (
        f"default-src 'none'; connect-src 'self'; img-src data:; style-src '{_digest(style())}'; "
        f"script-src '{_digest(script())}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
