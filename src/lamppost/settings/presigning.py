"""S3's requests, signed in their headers, or in a query that anybody may carry: a presigned URL.

Contract tests compare both with botocore's.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from collections.abc import Mapping
from urllib.parse import quote

from lamppost.settings.signing import (
    ALGORITHM,
    Keys,
    authorization,
    canonical,
    instant,
    signature,
    signed_names,
)

# Who carries the URL brings a body that the signer has not seen.
UNSIGNED = "UNSIGNED-PAYLOAD"


def encoded(text: str) -> str:
    """`text` in a query: everything but letters, digits and -_.~ percent-encoded."""
    return quote(text, safe="-_.~")


def encoded_path(path: str) -> str:
    """`text` in a path: as in a query, but the slashes stay."""
    return quote(path, safe="/-_.~")


def encoded_query(query: Mapping[str, str]) -> str:
    """A query in canonical form: encoded, then sorted."""
    return "&".join(
        f"{name}={value}" for name, value in sorted((encoded(n), encoded(v)) for n, v in query.items())
    )


def presigned(
    keys: Keys,
    *,
    method: str,
    region: str,
    host: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    expires: int,
    at: float,
) -> str:
    """The query that permits `method` on `path` (not encoded) for `expires` seconds from `at`.

    Whoever uses it must send exactly `headers` (without Host).
    """
    moment = instant(at)
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    sent = {**headers, "host": host}
    asked = {
        **query,
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{keys.access}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": signed_names(sent),
    }
    if keys.token:
        asked["X-Amz-Security-Token"] = keys.token
    plain = encoded_query(asked)
    request = canonical(method, encoded_path(path), plain, sent, UNSIGNED)
    return f"{plain}&X-Amz-Signature={signature(keys.secret, scope, moment, request)}"


def signed_headers(
    keys: Keys,
    *,
    method: str,
    region: str,
    host: str,
    path: str,
    headers: Mapping[str, str],
    payload: str,
    at: float,
) -> dict[str, str]:
    """`headers` and those that sign them; `payload` is the body's SHA-256 in hex, or UNSIGNED."""
    moment = instant(at)
    sent = {**headers, "x-amz-content-sha256": payload, "x-amz-date": moment}
    if keys.token:
        sent["x-amz-security-token"] = keys.token
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    request = canonical(method, encoded_path(path), "", {**sent, "host": host}, payload)
    return {**sent, "authorization": authorization(keys, scope, moment, {**sent, "host": host}, request)}
