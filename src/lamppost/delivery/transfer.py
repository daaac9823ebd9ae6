"""One POST on its way with libcurl: a reusable handle, the guard that watches it, and what came of it."""

import os
import re
import socket
from datetime import timedelta
from functools import cache

import pycurl

from lamppost.delivery import authorities
from lamppost.delivery.answer import Answer
from lamppost.delivery.guard import Guard
from lamppost.delivery.vetting import Allowances

BODY_BYTES = 64 * 1024
# All header lines of an answer together, those of interim answers too.
HEADERS_BYTES = 64 * 1024
# What is kept of an answer's body.
HEAD_BYTES = 500
# Looked at before secrets are blacked out, so that one is not cut in half and missed.
_LOOKED_AT = HEAD_BYTES + 4096
# A receiver that echoes what it got must not put it into our tables.
_SIGNATURE = re.compile(rb"v1a?,[A-Za-z0-9+/]{16,}={0,2}|whs(?:ec|k)_[A-Za-z0-9+/]{16,}={0,2}")
_HEADERS = (
    "content-type: application/json",
    "user-agent: lamppost",
    # Else libcurl asks a large body's receiver for "100 Continue" and waits a second for it.
    "expect:",
)
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_BLACK = b"[...]"


class Transfer:
    """A reusable easy handle. `number` is the place of the post it carries."""

    def __init__(self) -> None:
        self.number = 0
        self.refused = ""
        self.head = bytearray()
        self.taken = self.taken_headers = 0
        self.headers_done = False
        self.guard = Guard("", Allowances())
        self.headers: tuple[tuple[str, str], ...] = ()
        self._loaded = ("", 0.0, 0.0)
        self.curl = curl = pycurl.Curl()
        curl.transfer = self
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        # A proxy would hide the address from the guard.
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.NOPROXY, "*")
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)
        curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
        trusted = _authorities()
        if trusted is not None:
            curl.setopt(pycurl.CAINFO, trusted)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)
        curl.setopt(pycurl.PREREQFUNCTION, self._before_request)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)
        curl.setopt(pycurl.HEADERFUNCTION, self._header)

    def load(
        self, url: str, body: bytes, headers: tuple[tuple[str, str], ...], guard: Guard, *,
        traced: list[tuple[str, str]], timeout: float, connect: float,
    ) -> None:  # fmt: skip
        """Make ready for a post. Its own headers win over the trace's; `timeout`, `connect` in seconds."""
        self.refused, self.taken, self.taken_headers, self.headers_done = "", 0, 0, False
        self.head.clear()
        self.guard = guard
        curl = self.curl
        if self._loaded != (url, timeout, connect):
            self._loaded = (url, timeout, connect)
            curl.setopt(pycurl.URL, url)
            curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout * 1000)))
            curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, int(min(connect, timeout) * 1000)))
        curl.setopt(pycurl.POSTFIELDSIZE, len(body))
        curl.setopt(pycurl.COPYPOSTFIELDS, body)
        self.headers = headers
        # A name with nothing behind its colon would take the header out.
        lines = [*_HEADERS, *[f"{name}: {value}" if value else f"{name};" for name, value in headers]]
        if traced:
            own = {name.lower() for name, _ in headers}
            lines += [f"{name}: {value}" for name, value in traced if name not in own]
        curl.setopt(pycurl.HTTPHEADER, lines)

    def _open(self, _purpose: int, target: tuple[int, int, int, tuple[object, ...]]) -> object:
        try:
            family, kind, protocol, address = target
            refused = self.guard.refusal(str(address[0]), int(str(address[1])))
            if refused:
                self.refused = refused
                return pycurl.SOCKET_BAD
            return socket.socket(family, kind, protocol)
        except (OSError, ValueError, TypeError, IndexError) as error:
            self.refused = self.refused or f"no socket for it: {error}"
            return pycurl.SOCKET_BAD

    def _before_request(self, peer: str, _mine: str, port: int, _my_port: int) -> int:
        # Runs on reused connections too. One refused address fails the post, even if the next was fine.
        self.refused = self.refused or self.guard.refusal(peer, port)
        verdict: int = pycurl.PREREQFUNC_ABORT if self.refused else pycurl.PREREQFUNC_OK
        return verdict

    def _header(self, line: bytes) -> int | None:
        # An interim answer (103 Early Hints) ends in a blank line of its own.
        if line.startswith(b"HTTP/"):
            self.headers_done = False
        elif line in (b"\r\n", b"\n"):
            self.headers_done = True
        self.taken_headers += len(line)
        return 0 if self.taken_headers > HEADERS_BYTES else None

    def _write(self, data: bytes) -> int | None:
        self.taken += len(data)
        if len(self.head) < _LOOKED_AT:
            self.head += data[: _LOOKED_AT - len(self.head)]
        return 0 if self.taken > BODY_BYTES else None

    def answer(self, code: int, why: str) -> Answer:
        """What became of the transfer; `code` is libcurl's, 0 for none."""
        latency = int(self.curl.getinfo(pycurl.TOTAL_TIME) * 1000)
        if self.refused:
            return Answer(None, "E_INVALID_TARGET", self.refused, latency_ms=latency)
        status = self.curl.getinfo(pycurl.RESPONSE_CODE) if self.headers_done else 0
        if status < 200:
            return Answer(None, _ERRORS.get(code, "E_NETWORK"), why[:200], latency_ms=latency)
        # The status decides once the headers are here: a body that is endless, cut or reset changes nothing.
        head = self._shown() if self.head else b""
        if status < 300:
            return Answer(status, latency_ms=latency, head=head)
        wait = timedelta(seconds=min(max(self.curl.getinfo(pycurl.RETRY_AFTER), 0), 10**9))
        return Answer(status, retry_after=wait, latency_ms=latency, head=head)

    def _shown(self) -> bytes:
        text = bytes(self.head)
        for name, value in self.headers:
            if len(value) > 8 and name.lower() in _SECRET_HEADERS:
                text = text.replace(value.encode(), _BLACK)
        if b"v1" in text or b"whs" in text:
            text = _SIGNATURE.sub(_BLACK, text)
        return text[:HEAD_BYTES]


_TOO_LARGE = 100  # CURLE_TOO_LARGE, which pycurl does not name

# To libcurl a connection that ends within the headers ends well (E_OK).
_RESET = (pycurl.E_OK, pycurl.E_GOT_NOTHING, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_PARTIAL_FILE)
# FTP_WEIRD_SERVER_REPLY is older than its use for HTTP, and pycurl kept the name. WRITE_ERROR before the
# headers are done is our own word for too many of them.
_RESPONSE = (
    _TOO_LARGE,
    pycurl.E_UNSUPPORTED_PROTOCOL,
    pycurl.E_FTP_WEIRD_SERVER_REPLY,
    pycurl.E_WRITE_ERROR,
)
_TLS = (
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CIPHER,
)
_ERRORS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "E_DNS",
    pycurl.E_COULDNT_CONNECT: "E_REFUSED",
    pycurl.E_OPERATION_TIMEDOUT: "E_TIMEOUT",
    pycurl.E_URL_MALFORMAT: "E_INVALID_TARGET",
    **dict.fromkeys(_RESET, "E_RESET"),
    **dict.fromkeys(_RESPONSE, "E_RESPONSE"),
    **dict.fromkeys(_TLS, "E_TLS"),
}


@cache
def _authorities() -> str | None:
    # Asked for at the first post: declaring a service must not read the environment.
    return authorities.file(os.environ)
