"""The login page: a name and no password, plain HTML, nothing fetched and nothing run."""

import base64
import hashlib
from html import escape

from lamppost.local.http_messages import Response
from lamppost.local.identity.wire import NO_STORE

PEOPLE = ("ada", "alan", "grace")
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 12vh auto; padding: 0 1rem;
       color: #1c1b18; background: #faf8f2 }
h1 { font-size: 1.3rem }
p { color: #57534a }
form { margin: 1rem 0; display: flex; gap: .5rem; flex-wrap: wrap }
button, input { font: inherit; padding: .4rem .8rem; border: 1px solid #8a8271; border-radius: 4px;
                background: #fff }
input { flex: 1; min-width: 10rem }
@media (prefers-color-scheme: dark) { body { color: #eee9dc; background: #1d1b17 } p { color: #b5ad9b }
  button, input { color: inherit; background: #2b2822 } }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def login(client: str, scope: str, ticket: str, *, returns_to: str, cookie: str) -> Response:
    """Who are you? `returns_to` is the origin that the answer leads back to."""
    hidden = f'<input type="hidden" name="ticket" value="{escape(ticket)}">'
    people = "".join(f'<button name="person" value="{name}">{name}</button>' for name in PEOPLE)
    body = f"""<h1>Log in to {escape(client)}</h1>
<p>This is the local stage: whoever you say you are, you are. On AWS, Cognito asks here.</p>
<form method="post" action="authorize">{hidden}{people}</form>
<form method="post" action="authorize">{hidden}
<input name="person" aria-label="name" placeholder="someone else" autocomplete="off" autofocus
 required maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9._@+\\-]*"><button>Log in</button></form>
<p>It will learn: {escape(scope)}</p>
<form method="post" action="authorize">{hidden}<button name="cancel" value="yes">Cancel</button></form>"""
    return _page(200, "Log in", body, returns_to=returns_to, cookies=(cookie,))


def refused(why: str) -> Response:
    """What cannot be told to the client, as nobody knows whether it is one."""
    return _page(400, "No login", f"<h1>This cannot be a login</h1><p>{escape(why)}</p>")


def _page(
    status: int, title: str, body: str, *, returns_to: str = "", cookies: tuple[str, ...] = ()
) -> Response:
    # A browser asks form-action about the redirect that follows the form, too.
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self' {returns_to};"
        " frame-ancestors 'none'; base-uri 'none'"
    )
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<main>{body}</main></html>"
    )
    headers = {
        **NO_STORE,
        # With no-referrer a browser would post the form from the origin "null", as a stranger's.
        "referrer-policy": "same-origin",
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "x-frame-options": "DENY",
    }
    return Response(status, headers, html.encode(), cookies)
