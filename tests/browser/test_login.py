"""The login page in a real browser: its cookie, its policies and the way back, as a person meets them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from lamppost.local.http_messages import Request, Response
from lamppost.local.identity import page
from tests.browser.test_console import rendered
from tests.issuer import Desk

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
PRESS = b'<script>document.querySelector("button[value=grace]").click()</script></html>'


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "data")
    yield made
    made.close()


def test_a_person_presses_a_button_and_is_sent_back_with_a_code(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sits there: a script is let into the page that presses the button. All else is as it is sent."""
    plain = page._page

    def pressed(*what: Any, **how: Any) -> Response:
        sent = plain(*what, **how)
        policy = sent.headers["content-security-policy"] + "; script-src 'unsafe-inline'"
        sent.headers["content-security-policy"] = policy
        sent.body = sent.body.replace(b"</html>", PRESS)
        return sent

    async def callback(request: Request) -> Response:
        return Response(200, {"content-type": "text/plain"}, f"back with {request.query}".encode())

    monkeypatch.setattr(page, "_page", pressed)
    desk.gateway.mount("callback", callback)
    asked = {
        "client_id": "guarded-app", "response_type": "code", "redirect_uri": f"{desk.base}/callback",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "openid", "state": "xyz",
    }  # fmt: skip

    shown = rendered(f"{desk.url}/authorize?{urlencode(asked)}", tmp_path / "profile", after_ms=3000)

    assert "back with code=" in shown, shown
    assert "state=xyz" in shown
