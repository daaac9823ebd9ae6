"""Watches the connections of one message: where it is really going, whatever its name said."""

from urllib.parse import urlsplit

from lamppost.delivery import vetting
from lamppost.delivery.vetting import Allowances


class Guard:
    """Judges each address that `url` leads to, before the connection and before the request."""

    __slots__ = ("_allowed", "_judged", "_trusted")

    def __init__(self, url: str, allowed: Allowances) -> None:
        self._allowed = allowed
        self._trusted = _named(url, allowed)
        self._judged: dict[tuple[str, int], str] = {}

    def refusal(self, address: str, port: int) -> str:
        """Why nothing may be sent to this peer, or an empty string. Never raises.

        It is called from within libcurl, where nobody hears an exception: what cannot be judged is refused.
        """
        if self._trusted:
            return ""
        known = self._judged.get((address, port))
        if known is None:
            known = self._judged[address, port] = self._judge(address, port)
        return known

    def _judge(self, address: str, port: int) -> str:
        try:
            if vetting.opened(address, port, self._allowed):
                return ""
            reason = vetting.refusal(address)
        except (ValueError, TypeError) as error:
            reason = f"not judged: {error}"
        return f"it resolves to {address}, which is {reason}" if reason else ""


def _named(url: str, allowed: Allowances) -> bool:
    """Whether the operator opened this very host and port, wherever it may resolve to."""
    if not allowed.targets:
        return False
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return vetting.opened(parts.hostname or "", port, Allowances(allowed.targets))
