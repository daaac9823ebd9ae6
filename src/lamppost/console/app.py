"""The console: `/` is the page, `/explorer` tries the APIs, below `/_console/` is what the two ask for."""

import hashlib
from base64 import b64encode
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import msgspec

from lamppost.console import explorer
from lamppost.console.explorer import Explorer, Wanted
from lamppost.console.look import look
from lamppost.console.page import page, script, sections, style
from lamppost.errors import LamppostError
from lamppost.local.http import Handler, Request, Response

if TYPE_CHECKING:
    from lamppost.local.system import System

READ = ("GET", "HEAD")


def apps(system: "System") -> dict[str, Handler]:
    """The console of `system`, by the first path segments that are its own."""
    console = Console(system)
    return {"": console, "_console": console, "explorer": console}


class Console:
    """The pages of one system: they change nothing, and the gateway keeps other sites out."""

    def __init__(self, system: "System") -> None:
        self._system = system
        self._explorer = Explorer(system)
        self._pages: dict[str, tuple[tuple[str, ...], Handler]] = {
            "/": (READ, self._front),
            "/explorer": (READ, self._explore),
            "/_console/state": (READ, self._state),
            "/_console/apis": (READ, self._apis),
            "/_console/lines": (READ, self._lines),
            "/_console/token": (("POST",), self._token),
        }

    async def __call__(self, request: Request) -> Response:
        """Answer one request below one of our segments."""
        methods, answer = self._pages.get(request.path, ((), None))
        if answer is None:
            return _plain(404, "there is no such page; the console is at /\n")
        if request.method not in methods:
            return _plain(405, "this page is for reading\n", allow=", ".join(methods))
        try:
            return await answer(request)
        except LamppostError as error:
            return _json({"what": error.what, "fix": error.fix, "code": error.code}, 409)

    async def _front(self, _: Request) -> Response:
        seen = await look(self._system)
        return Response(200, _headers("text/html; charset=utf-8"), page(seen).encode())

    async def _state(self, _: Request) -> Response:
        seen = await look(self._system)
        drawn = {name: str(html) for name, html in sections(seen).items()}
        return _json({"state": seen, "sections": drawn})

    async def _explore(self, _: Request) -> Response:
        return Response(200, _headers("text/html; charset=utf-8"), explorer.page().encode())

    async def _apis(self, _: Request) -> Response:
        return Response(200, _headers("application/json"), await self._explorer.documents())

    async def _lines(self, request: Request) -> Response:
        given = {name: values[0] for name, values in parse_qs(request.query).items()}
        since = given.get("since", "")
        found = await self._explorer.lines(
            given.get("service", ""),
            given.get("function", ""),
            given.get("request", ""),
            int(since) if since.isascii() and since.isdecimal() else 0,
        )
        return _json(found)

    async def _token(self, request: Request) -> Response:
        # A form of another site cannot say that it sends JSON without being asked about it first.
        if request.headers.get("content-type") != "application/json":
            return _plain(415, "send JSON\n")
        try:
            wanted = msgspec.json.decode(request.body, type=Wanted)
        except msgspec.DecodeError:
            return _plain(400, "send service and person\n")
        return _json({"token": await self._explorer.token(wanted)})


def _json(value: object, status: int = 200) -> Response:
    return Response(status, _headers("application/json"), msgspec.json.encode(value))


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
    """Our own styles and scripts by their digests, our own origin, nothing else."""
    styles = f"'{_digest(style())}' '{_digest(explorer.style())}'"
    scripts = f"'{_digest(script())}' '{_digest(explorer.script())}'"
    return (
        f"default-src 'none'; connect-src 'self'; img-src data:; style-src {styles}; "
        f"script-src {scripts}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
