"""Whose secret signed a delivery: the inbox tries those that this system keeps."""

import time
from collections.abc import Callable, Iterable, Mapping

from lamppost.delivery import receive, signing
from lamppost.errors import CallerError, OperatorError

# A rotated secret is known to the inbox so soon.
_FRESH_SECONDS = 1.0
UNFIT = "webhook_signature_invalid"

Named = tuple[str, str]


class Signatures:
    """`secrets` gives names and values; those that cannot be signing secrets are passed over."""

    def __init__(self, secrets: Callable[[], Iterable[Named]]) -> None:
        self._secrets = secrets
        self._known: list[Named] = []
        self._read_at = float("-inf")

    def verdict(self, headers: Mapping[str, str], body: bytes) -> str:
        """`fits NAME`, the code of what is wrong, or nothing for a delivery that carries no signature."""
        if "webhook-signature" not in headers:
            return ""
        code = UNFIT
        for place, (name, secret) in enumerate(self._fresh()):
            try:
                receive.verified(headers, body, secret)
            except CallerError as refused:
                code = refused.code
                if code != UNFIT:
                    break
            else:
                # Most deliveries come from one sender: its secret is tried first.
                self._known.insert(0, self._known.pop(place))
                return f"fits {name}"
        return code

    def _fresh(self) -> list[Named]:
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            found = [(name, value) for name, value in self._secrets() if _can_sign(value)]
            order = [name for name, _ in self._known]
            self._known = sorted(
                found, key=lambda each: order.index(each[0]) if each[0] in order else len(order)
            )
            self._read_at = time.monotonic()
        return list(self._known)


def _can_sign(secret: str) -> bool:
    try:
        return bool(signing.keys(secret))
    except OperatorError:
        return False
