"""Where greetings go, and the keys they are signed with: read when they are sent, not before."""

import os
from hashlib import sha256

import msgspec

from lamppost import Context, OperatorError
from lamppost.delivery import signing, vetting
from lamppost.delivery.keys import Key
from lamppost.delivery.vetting import Allowances

URL = "/bday/webhook-url"
SIGNING = "bday/webhook-signing"


class Endpoint(msgspec.Struct, frozen=True):
    """A usable webhook. `fingerprint` stands for the URL where the URL, which may hold a token, must not."""

    url: str
    keys: tuple[Key, ...]
    allowed: Allowances
    fingerprint: str


def current(ctx: Context) -> Endpoint:
    """The endpoint of this moment. Raises `OperatorError` when it is unset or cannot be used as it is."""
    url = ctx.parameter(URL)
    allowed = vetting.allowances(os.environ)
    reason = vetting.url_refusal(url, allowed)
    if reason is not None:
        raise OperatorError(
            f"the webhook URL in {URL} is refused: {reason}",
            fix="set an https:// URL of the public internet; greetings wait until then",
            code="webhook_url_refused",
        )
    keys = signing.keys(ctx.secret(SIGNING))
    return Endpoint(url, keys, allowed, fingerprint(url))


def fingerprint(url: str) -> str:
    """What stands for `url` where it must not be shown."""
    return sha256(url.encode()).hexdigest()
