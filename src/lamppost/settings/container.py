"""Credentials of a function that began as a copy: in the environment of a snapshot they would grow old.

SnapStart gives an address on loopback instead, and a word to say there.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html
"""

import os
import threading
import time
from datetime import datetime

import msgspec

from lamppost.errors import OperatorError
from lamppost.settings import wire
from lamppost.settings.signing import Keys

ADDRESS = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
WORD = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
# A request that is under way when they end would be refused.
EARLY_SECONDS = 60.0

_lock = threading.Lock()
_kept: tuple[str, Keys, float] | None = None


class _Told(msgspec.Struct, rename="pascal"):
    access_key_id: str
    secret_access_key: str
    token: str
    expiration: datetime


def keys() -> Keys | None:
    """The credentials of this sandbox, kept until shortly before they end; None where no address is given.

    The wall clock decides: a copy's own may have stood still for days. Raises `OperatorError` when there is
    an address, and no credentials.
    """
    global _kept
    url = os.environ.get(ADDRESS)
    if not url:
        return None
    with _lock:
        if _kept is None or _kept[0] != url or time.time() > _kept[2] - EARLY_SECONDS:
            told = _asked(url)
            keys = Keys(told.access_key_id, told.secret_access_key, told.token)
            _kept = (url, keys, told.expiration.timestamp())
        return _kept[1]


def _asked(url: str) -> _Told:
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    try:
        to = wire.address(f"{scheme}://{place}")
    except ValueError:
        raise _unheard("is no address") from None
    if not (to.host in ("localhost", "[::1]") or to.host.startswith("127.")):
        raise _unheard("leads off this machine")
    word = os.environ.get(WORD, "")
    try:
        answer = wire.ask(to, "GET", f"{slash or '/'}{path}", {"Authorization": word} if word else {})
        if answer.status == 200:
            return msgspec.json.decode(answer.body, type=_Told)
    except wire.WireError as failure:
        raise _unheard(f"did not answer ({failure})") from failure
    except msgspec.DecodeError:
        # The decoder's sentence may quote the key: it is neither told nor kept as the cause.
        raise _unheard("answered with something else") from None
    raise _unheard(f"answered {answer.status}")


def _unheard(what: str) -> OperatorError:
    return OperatorError(
        f"{ADDRESS} {what}, and there are no other credentials",
        fix="on Lambda try again; elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        code="credentials_missing",
    )
