"""What an access token must say, whoever verified its signature: the checks that no library makes.

API Gateway checks key, signature, issuer, audience and times. It takes an ID token for an access token, a
lifetime of thirty years, and a scope that is a list. So the functions behind it ask again, without
cryptography, and so does the local gateway.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
"""

import re
from collections.abc import Mapping
from typing import Any

from lamppost.errors import CallerError
from lamppost.tokens.compact import invalid_token

# The year 36812: far enough, and exact in a float.
LATEST = 2**40
_NAME = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
# https://www.rfc-editor.org/rfc/rfc6749#section-3.3
_SCOPE = re.compile(r"(?:[!#-\[\]-~]+(?: [!#-\[\]-~]+)*)?")


def check(claims: Mapping[str, Any], *, lifetime: float) -> None:
    """Raise a 401 unless `claims` are an access token's, one that lives `lifetime` seconds at most."""
    if claims.get("token_use") != "access":
        raise invalid_token("the token is not an access token")
    for name in ("sub", "iss"):
        _text(claims, name)
    for name in ("client_id", "aud", "username", "jti"):
        if name in claims:
            _text(claims, name)
    if "client_id" not in claims and "aud" not in claims:
        raise invalid_token("the token names no client")
    check_times(claims, lifetime=lifetime)
    scope = claims.get("scope", "")
    if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
        raise invalid_token("the token's scope is not a text of scopes")
    groups = claims.get("cognito:groups", [])
    if not isinstance(groups, list) or not all(isinstance(group, str) and group for group in groups):
        raise invalid_token("the token's groups are not a list of texts")


def check_times(claims: Mapping[str, Any], *, lifetime: float) -> None:
    """Raise a 401 unless `iat`, `exp` and `nbf` are whole seconds, `lifetime` apart at most."""
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
    if "nbf" in claims:
        _seconds(claims, "nbf")
    if not 0 < expires - issued <= lifetime:
        raise invalid_token(f"the token does not live between 1 and {lifetime:.0f} seconds")


def check_now(claims: Mapping[str, Any], *, now: float, leeway: float) -> None:
    """Raise a 401 unless `claims`, whose times are well formed, hold at `now` (seconds since 1970).

    `leeway` is for clocks that differ when a token begins. When it ends, it ends.
    """
    if claims["exp"] <= now:
        raise CallerError(401, "token_expired", "the token has expired")
    if max(claims["iat"], claims.get("nbf", 0)) > now + leeway:
        raise invalid_token("the token is not valid yet")


def _text(claims: Mapping[str, Any], name: str) -> None:
    said = claims.get(name)
    if not isinstance(said, str) or not _NAME.fullmatch(said):
        raise invalid_token(f"the token's {name} is not a plain text")


def _seconds(claims: Mapping[str, Any], name: str) -> int:
    said = claims.get(name)
    if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said <= LATEST:
        raise invalid_token(f"the token's {name} is not a time")
    return said
