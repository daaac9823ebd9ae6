"""The explorer: every route with what it promises, and a form to try it with a development token.

The page is empty and the browser fills it from the documents, with text only: whatever a service says of
itself or answers is shown, never run.
"""

import asyncio
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.console.markup import Html, join, tag
from lamppost.declare import names
from lamppost.derive.openapi.document import Place
from lamppost.errors import LamppostError, OperatorError
from lamppost.local.orders.identity import Identifying

if TYPE_CHECKING:
    from lamppost.local.system import System

_HERE = Path(__file__).parent
_ID = re.compile(r"[0-9a-f-]{36}")
LINES = 200


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """Whose token is wanted, and for which service."""

    service: str
    person: str


class Line(msgspec.Struct):
    """A line of a function's log about one request; `at` is milliseconds since 1970."""

    at: int
    text: str


class Explorer:
    """What the explorer's page asks of a running system."""

    def __init__(self, system: "System") -> None:
        self._system = system
        self._known: tuple[str, bytes] = ("", b"")

    async def documents(self) -> bytes:
        """The OpenAPI document of each API as it stands here, as JSON. Raises `LamppostError`."""
        code = self._system.code
        if self._known[0] != code.key or not code.key:
            made = await asyncio.to_thread(_ask, code.folder, self._places())
            self._known = (code.key, made)
        return self._known[1]

    async def token(self, wanted: Wanted) -> str:
        """An access token for a person of this name. Raises `LamppostError`."""
        issue = Identifying(self._system).orders["token/issue"]
        issued = await issue({"service": wanted.service, "person": wanted.person, "scope": None, "ttl": None})
        return str(issued["token"])

    async def lines(self, service: str, function: str, request: str, since: int) -> list[Line]:
        """What a function said about one request since `since` (ms). Raises `OperatorError`."""
        known = {each.name: each for each in self._system.manifest.services}
        try:
            named = names.physical(known[service].function(function).named, names.LOCAL_ENV)
        except KeyError:
            named = ""
        if not named or not _ID.fullmatch(request):
            raise OperatorError("there is no such function, or no such request", fix="ask as the page does")
        return await asyncio.to_thread(self._lines, named, request, since)

    def _lines(self, function: str, request: str, since: int) -> list[Line]:
        found = []
        for event in self._system.logs.read(function, since=since):
            if request in event.message:
                found.append(Line(event.timestamp, event.message))
                if len(found) == LINES:
                    break
        return found

    def _places(self) -> dict[str, Place]:
        running = self._system.announced
        issuer = f"{running.console}_identity"
        return {name: Place(url, issuer) for name, url in running.apis.items()}


def page() -> str:
    """The document: an empty frame."""
    head = join(
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        tag("title", "Lamppost explorer"),
        Html('<link rel="icon" href="data:,">'),
        Html(f"<style>{style()}</style>"),
    )
    body = join(
        tag(
            "header",
            tag("span", class_="lamp", aria_hidden="true"),
            tag("h1", tag("a", "Lamppost", href="/"), " explorer"),
            tag(
                "form",
                tag(
                    "label", "Call as ", Html('<input id="person" value="ada" size="12" autocomplete="off">')
                ),
                id="caller",
            ),
        ),
        tag(
            "main",
            tag("nav", id="routes", aria_label="Routes"),
            tag("div", tag("p", "Reading what the APIs promise…", role="status"), id="route"),
        ),
        tag("noscript", tag("p", "The explorer needs JavaScript; `lamppost openapi` does not.")),
        Html(f"<script>{script()}</script>"),
    )
    return f'<!doctype html><html lang="en">{tag("head", head)}{tag("body", body)}</html>'


@cache
def style() -> str:
    """The console's style sheet and the explorer's own."""
    return "".join((_HERE / name).read_text("utf-8") for name in ("page.css", "explorer.css"))


@cache
def script() -> str:
    """The script that fills the page."""
    return (_HERE / "explorer.js").read_text("utf-8")


def _ask(folder: Path, places: dict[str, Place]) -> bytes:
    """In a process of its own: the runner never holds a service's code."""
    asked = subprocess.run(
        [sys.executable, "-m", "lamppost.pack.contract", str(folder), msgspec.json.encode(places).decode()],
        capture_output=True,
        cwd=folder,
        check=False,
    )
    if asked.returncode == 0:
        return asked.stdout
    try:
        said = msgspec.json.decode(asked.stdout, type=dict[str, Any])
    except msgspec.DecodeError:
        raise OperatorError(
            asked.stderr.decode("utf-8", "replace").strip(), fix="mend what it says", code="contract_failed"
        ) from None
    raise LamppostError(said["what"], fix=said["fix"], code=said["code"])
