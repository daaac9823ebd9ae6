"""Which addresses a webhook may reach: the public internet, and what the operator allowed by name.

A URL is text from outside, and a worker stands inside the network. The URL is refused before
anything parses it differently from us; the address it resolves to is refused when it is private
(`sending` asks again for each connection, so that a name cannot change its mind in between).
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

URL_CHARS = 2048
# Services that speak on well-known ports above 1023 and trust who can reach them.
_INNER_PORTS = frozenset({1433, 1521, 2049, 2375, 2379, 3306, 5432, 5984, 6379, 9200, 11211, 27017})

# IANA's special-purpose registries, multicast, and the tunnels that carry an IPv4 address inside.
_PRIVATE_4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_PRIVATE_6 = tuple(
    ipaddress.IPv6Network(block)
    for block in (
        "::/8", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_RAW = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL = re.compile(r"^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$")
_LOOKS_NUMERIC = re.compile(r"^(0[xX][0-9a-fA-F]*|[0-9]+)$")


class Allowances(msgspec.Struct, frozen=True):
    """What the operator opened: exact `host:port` targets, and loopback as a whole."""

    targets: frozenset[str] = frozenset()
    loopback: bool = False


def allowances(environment: Mapping[str, str]) -> Allowances:
    """What `LAMPPOST_ALLOW_WEBHOOK` opens: `127.0.0.1:8000,loopback`; nothing when it is unset."""
    words = {word.strip().lower() for word in environment.get("LAMPPOST_ALLOW_WEBHOOK", "").split(",")} - {""}
    return Allowances(frozenset(words - {"loopback"}), "loopback" in words)


def url_refusal(url: str, allowed: Allowances) -> str | None:
    """Why `url` can never be a webhook, or None. Looks at the text only, not at DNS."""
    if len(url) > URL_CHARS:
        return f"it is longer than {URL_CHARS} characters"
    if _RAW.search(url):
        return "it holds a space, a control character or a backslash"
    if not url.isascii():
        return "it holds characters outside ASCII; write the host in its xn-- form"
    if "#" in url:
        return "it has a fragment"
    scheme, mark, _ = url.partition("://")
    if not mark or scheme.lower() not in ("https", "http"):
        return "it does not begin with https://"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        return f"it cannot be read: {error}"
    if "@" in parts.netloc:
        return "it carries a user name"
    return _host_refusal(host) or _target_refusal(parts.scheme, host, port, allowed)


def _host_refusal(host: str) -> str | None:
    if ":" in host:
        return "its IPv6 address has a zone or is malformed" if _literal(host) is None else None
    name = host.removesuffix(".")
    if not name or len(name) > 253:
        return "it has no host, or one longer than 253 characters"
    labels = name.split(".")
    if not all(_LABEL.match(label) for label in labels):
        return "its host is not a name"
    # What inet_aton would read as an address (0x7f.1, 017700000001) but ipaddress would not.
    if _LOOKS_NUMERIC.match(labels[-1]) and _literal(name) is None:
        return "its host looks like a number and is not an address"
    return None


def _target_refusal(scheme: str, host: str, port: int | None, allowed: Allowances) -> str | None:
    number = port if port is not None else {"https": 443, "http": 80}[scheme]
    if opened(host, number, allowed):
        return None
    literal = _literal(host)
    if literal is not None and (reason := refusal(str(literal))):
        return f"its address is {reason}"
    name = host.removesuffix(".").lower()
    if literal is None and ("." not in name or name.endswith(".localhost")):
        return "its host is a name of the inside"
    if scheme == "http":
        return "it is not https: a greeting says who was born when"
    if number not in (443, 8443) and (number < 1024 or number in _INNER_PORTS):
        return f"port {number} is not one that webhooks listen on"
    return None


def opened(host: str, port: int, allowed: Allowances) -> bool:
    """Whether the operator allowed this host (or address) and port by name."""
    name = host.removesuffix(".").lower()
    shown = f"[{name}]" if ":" in name else name
    if f"{shown}:{port}" in allowed.targets:
        return True
    literal = _literal(name)
    return allowed.loopback and (literal.is_loopback if literal is not None else name == "localhost")


def refusal(address: str) -> str | None:
    """Why nothing may be sent to this IP address, or None when it is public."""
    literal = _literal(address)
    if literal is None:
        return "not an IP address"
    if isinstance(literal, ipaddress.IPv6Address):
        if literal in _NAT64:
            literal = ipaddress.IPv4Address(int(literal) & 0xFFFFFFFF)
        elif any(literal in block for block in _PRIVATE_6):
            return "not public"
        else:
            return None
    return "not public" if any(literal in block for block in _PRIVATE_4) else None


def _literal(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
