"""A service's own access tokens: HS256, signed with a secret that only the service has.

For clients of one service that is issuer and audience in one. HMAC is in the standard library, so a function
that verifies pays nothing at its cold start; everything else a token could try, `compact` refuses before.
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from lamppost.errors import AuthorError, OperatorError
from lamppost.tokens import access, compact

ALGORITHM = "HS256"
TYPE = "at+jwt"
# "A key of the same size as the hash output or larger MUST be used" (RFC 7518, 3.2).
MIN_SECRET_BYTES = 32
# Between the clocks of two functions, when a token begins; when it ends, it ends.
LEEWAY = 30.0
RESERVED = frozenset({"iss", "sub", "aud", "iat", "nbf", "exp", "jti", "token_use"})


class Access(msgspec.Struct, frozen=True):
    """A token that was issued, and what is needed to take it back (`tokens.revoked`)."""

    token: str
    jti: uuid.UUID
    expires_at: datetime


class Signer:
    """Issues and verifies the tokens of one `issuer`.

    `secret` holds one secret a line, the newest first: it signs, all verify. To rotate, put a new line on
    top; once the old tokens have expired, take the last line away. Raises `OperatorError` for a secret
    under 32 bytes.
    """

    def __init__(self, secret: str, *, issuer: str, lifetime: timedelta) -> None:
        secrets = [line.strip().encode() for line in secret.splitlines() if line.strip()]
        if not secrets or min(map(len, secrets)) < MIN_SECRET_BYTES:
            raise OperatorError(
                f"a secret that signs the tokens of {issuer} has fewer than {MIN_SECRET_BYTES} bytes",
                fix="make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
                code="weak_secret",
            )
        self._issuer = issuer
        self._lifetime = lifetime.total_seconds()
        self._secrets = {_kid(key): key for key in secrets}
        self._signing = _kid(secrets[0])

    def issue(self, subject: str, *, now: datetime, claims: Mapping[str, Any] | None = None) -> Access:
        """A token for `subject` with these `claims` of the service's own (`org_id`, `org_role`)."""
        own = dict(claims or {})
        if not own.keys().isdisjoint(RESERVED):
            raise AuthorError(
                f"the claims {sorted(own.keys() & RESERVED)} are the token's to say",
                fix="give claims= other names",
            )
        issued, jti = int(now.timestamp()), uuid.uuid4()
        expires = issued + int(self._lifetime)
        own |= {"iss": self._issuer, "sub": subject, "token_use": "access"}
        own |= {"iat": issued, "exp": expires, "jti": str(jti)}
        header = {"alg": ALGORITHM, "kid": self._signing, "typ": TYPE}
        signed = f"{_text(msgspec.json.encode(header))}.{_text(msgspec.json.encode(own))}"
        signature = _sign(self._secrets[self._signing], signed.encode())
        return Access(f"{signed}.{_text(signature)}", jti, datetime.fromtimestamp(expires, UTC))

    def verify(self, token: str, *, now: datetime) -> dict[str, Any]:
        """What `token` says. Raises `CallerError` 401: `token_expired`, else `invalid_token`."""
        parts = compact.read(token, algorithm=ALGORITHM)
        key = self._secrets.get(parts.header.get("kid", ""))
        if key is None or not hmac.compare_digest(_sign(key, parts.signed), parts.signature):
            raise compact.invalid_token("the token's signature is not its issuer's")
        claims = parts.claims
        if parts.header.get("typ") != TYPE or claims.get("iss") != self._issuer:
            raise compact.invalid_token("the token is of another type or issuer")
        access.check({**claims, "client_id": self._issuer}, lifetime=self._lifetime)
        access.check_now(claims, now=now.timestamp(), leeway=LEEWAY)
        return claims


def _sign(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


def _kid(key: bytes) -> str:
    # A name for a random secret, which it does not tell.
    return _text(hashlib.sha256(b"kid\0" + key).digest()[:9])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
