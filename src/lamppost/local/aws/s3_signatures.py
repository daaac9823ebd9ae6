"""Who asks S3, proven: a presigned URL is a credential that anybody may hold.

The rest of the AWS port checks no signatures, since it answers this machine only. Links to objects are made
to be passed on, so here every bound that a link states is kept: key, headers, time.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import calendar
import hmac
import re
import time

import msgspec

from lamppost.errors import CallerError
from lamppost.local.aws.access import Access, Holder
from lamppost.local.aws.calls import refused
from lamppost.local.aws.s3_requests import Asked
from lamppost.settings.presigning import UNSIGNED, encoded
from lamppost.settings.signing import ALGORITHM, Keys, canonical, instant, signature

# What `lamppost up` tells its operator to use: with other keys they may do everything but sign links.
OPERATOR = Keys("local", "local", None)
SKEW = 15 * 60
EXPIRES_MAX = 604_800

_HEADER = re.compile(
    r"AWS4-[A-Z0-9-]+ Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)"
)
_MOMENT = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_IN_QUERY = (
    "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)  # fmt: skip


class Proven(msgspec.Struct, frozen=True):
    """Who asks: a function, or the operator (None). `payload` is what the signature says of the body."""

    holder: Holder | None
    payload: str
    by_link: bool


class _Claim(msgspec.Struct, frozen=True):
    key: str
    scope: str
    moment: str
    names: str
    signature: str
    payload: str
    query: str


def prove(asked: Asked, access: Access, *, now: float) -> Proven:
    """Who asks. Raises `CallerError` with AWS's code when the request does not prove it."""
    in_query = any(name in ("X-Amz-Signature", "X-Amz-Algorithm") for name, _ in asked.query)
    if "authorization" in asked.request.headers:
        if in_query:
            raise refused("InvalidArgument", "Only one auth mechanism allowed")
        return _by_header(asked, access, now)
    if in_query:
        return _by_link(asked, access, now)
    raise refused("AccessDenied", "Access Denied", status=403)


def _by_link(asked: Asked, access: Access, now: float) -> Proven:
    given = [(name, value) for name, value in asked.query if name in (*_IN_QUERY, "X-Amz-Security-Token")]
    fields = dict(given)
    if len(fields) != len(given) or any(name not in fields for name in _IN_QUERY):
        raise _malformed(f"Query-string authentication requires each of {', '.join(_IN_QUERY)} once")
    if fields["X-Amz-Algorithm"] != ALGORITHM:
        raise _malformed(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    expires = fields["X-Amz-Expires"]
    if not expires.isascii() or not expires.isdigit() or not 1 <= int(expires) <= EXPIRES_MAX:
        raise _malformed(f"X-Amz-Expires must be between 1 and {EXPIRES_MAX} seconds")
    key, scope = _credential(fields["X-Amz-Credential"], fields["X-Amz-Date"])
    began = _seconds(fields["X-Amz-Date"])
    keys = OPERATOR if key == OPERATOR.access else access.keys(key)
    if keys is None:
        raise _unknown(key)
    _check_token(keys, fields.get("X-Amz-Security-Token"))
    query = "&".join(
        f"{name}={value}"
        for name, value in sorted((encoded(n), encoded(v)) for n, v in asked.query if n != "X-Amz-Signature")
    )
    claim = _Claim(
        key,
        scope,
        fields["X-Amz-Date"],
        fields["X-Amz-SignedHeaders"],
        fields["X-Amz-Signature"],
        UNSIGNED,
        query,
    )
    _check(claim, asked, keys)
    if began > now + SKEW:
        raise refused("AccessDenied", "Request is not yet valid", status=403)
    if now > began + int(expires):
        raise refused("AccessDenied", "Request has expired", status=403)
    return Proven(access.holder(key), UNSIGNED, by_link=True)


def _by_header(asked: Asked, access: Access, now: float) -> Proven:
    headers = asked.request.headers
    match = _HEADER.fullmatch(headers["authorization"])
    if match is None:
        raise refused("InvalidRequest", f"Please use {ALGORITHM}: this mechanism is not supported.")
    payload = headers.get("x-amz-content-sha256", UNSIGNED)
    keys = access.keys(match[1].partition("/")[0])
    if keys is None:
        return Proven(None, payload, by_link=False)
    moment = headers.get("x-amz-date", "")
    key, scope = _credential(match[1], moment)
    if abs(_seconds(moment) - now) > SKEW:
        raise refused(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            status=403,
        )
    _check_token(keys, headers.get("x-amz-security-token"))
    query = "&".join(
        f"{name}={value}" for name, value in sorted((encoded(n), encoded(v)) for n, v in asked.query)
    )
    _check(_Claim(key, scope, moment, match[2], match[3], payload, query), asked, keys)
    return Proven(access.holder(key), payload, by_link=False)


def _check(claim: _Claim, asked: Asked, keys: Keys) -> None:
    headers = asked.request.headers
    signed = claim.names.split(";")
    unsigned = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    if "host" not in signed or unsigned:
        raise refused(
            "AccessDenied",
            "There were headers present in the request which were not signed:"
            f" {', '.join(unsigned) or 'host'}",
            status=403,
        )
    sent = {name: " ".join(headers.get(name, "").split()) for name in signed}
    request = canonical(asked.request.method, asked.path, claim.query, sent, claim.payload)
    ours = signature(keys.secret, claim.scope, claim.moment, request)
    if not hmac.compare_digest(ours.encode(), claim.signature.encode()):
        raise refused(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided."
            " Check your key and signing method.",
            status=403,
        )


def _credential(credential: str, moment: str) -> tuple[str, str]:
    """The access key and the scope. The region is whatever the signer says: one machine is all of them."""
    key, _, scope = credential.partition("/")
    parts = scope.split("/")
    if not _MOMENT.fullmatch(moment):
        raise _malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if len(parts) != 4 or parts[0] != moment[:8] or parts[2:] != ["s3", "aws4_request"]:
        raise _malformed(
            "Error parsing the X-Amz-Credential parameter: it is not key/date/region/s3/aws4_request"
        )
    return key, scope


def _check_token(keys: Keys, token: str | None) -> None:
    if keys.token is None:
        return
    if token is None or not hmac.compare_digest(token.encode(), keys.token.encode()):
        raise refused("InvalidToken", "The provided token is malformed or otherwise invalid.")


def _seconds(moment: str) -> int:
    try:
        return calendar.timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ"))
    except ValueError as wrong:
        raise _malformed(f"{moment} is no instant; now is {instant(time.time())}") from wrong


def _malformed(why: str) -> CallerError:
    return refused("AuthorizationQueryParametersError", why)


def _unknown(key: str) -> CallerError:
    return refused(
        "InvalidAccessKeyId",
        f"The AWS Access Key Id {key!r} you provided does not exist in our records. Functions' keys are"
        f" new with each start, and the operator signs links with {OPERATOR.access}/{OPERATOR.secret}.",
        status=403,
    )
