"""One signed request to S3. No boto3: it would cost an API function 200 ms of CPU for three calls."""

import http.client
import os
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from lamppost.declare import names
from lamppost.errors import OperatorError
from lamppost.settings import aws
from lamppost.settings.presigning import encoded_path, signed_headers
from lamppost.settings.signing import Keys

RETRY_PAUSES = (0.1, 0.3)
SECONDS = 10.0


class Answer(NamedTuple):
    """What S3 said; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Place(NamedTuple):
    """Where the objects of a bucket are: `root` (scheme and host), the Host header, the path before keys."""

    bucket: str
    region: str
    root: str
    host: str
    path: str


def at(bucket: str) -> Place:
    """The place of the bucket with this physical name: a host of its own on AWS, a path on one machine."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or names.LOCAL_REGION
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        host = f"{bucket}.s3.{region}.{domain}"
        return Place(bucket, region, f"https://{host}", host, "/")
    parts = urlsplit(endpoint)
    near = parts.hostname in ("localhost", "::1") or (parts.hostname or "").startswith("127.")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise OperatorError(
            f"{endpoint!r} is not an endpoint",
            fix="set AWS_ENDPOINT_URL_S3 to something like http://127.0.0.1:8001",
        )
    if parts.scheme == "http" and not near:
        raise OperatorError(
            f"{endpoint} would carry objects in the clear",
            fix="use https in AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL; plain http is for loopback addresses",
        )
    return Place(bucket, region, f"{parts.scheme}://{parts.netloc}", parts.netloc, f"/{bucket}/")


def keys() -> Keys:
    """The function's own credentials. Raises `OperatorError` when there are none."""
    return aws.credentials()


def ask(
    place: Place,
    method: str,
    key: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    payload: str,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Send a request, which can be repeated without harm, up to three times. Raises `OperatorError`.

    `payload` is the body's SHA-256 in hex.
    """
    answer: Answer | OSError | http.client.HTTPException | None = None
    for pause in (*RETRY_PAUSES, None):
        answer = _once(place, method, key, headers, body=body, payload=payload)
        if isinstance(answer, Answer) and answer.status < 500:
            return answer
        if pause is not None:
            sleep(pause)
    if isinstance(answer, Answer):
        raise OperatorError(
            f"S3 answers {answer.status} about bucket {place.bucket}: {said(answer)}",
            fix="try again; AWS's health page has outages",
            code="bucket_unreachable",
        )
    raise OperatorError(
        f"{place.root} did not answer ({answer or 'no answer in time'})",
        fix="give the function a way there: a gateway endpoint for s3",
        code="bucket_unreachable",
    ) from answer


def said(answer: Answer) -> str:
    """The code and message in an error's XML."""
    text = answer.body[:4096].decode("utf-8", "replace")
    parts = [text.partition(f"<{name}>")[2].partition(f"</{name}>")[0] for name in ("Code", "Message")]
    return " ".join(part for part in parts if part)[:300]


def _once(
    place: Place, method: str, key: str, headers: Mapping[str, str], *, body: bytes, payload: str
) -> Answer | OSError | http.client.HTTPException:
    path = place.path + key
    sent = signed_headers(
        keys(),
        method=method,
        region=place.region,
        host=place.host,
        path=path,
        headers=headers,
        payload=payload,
        at=time.time(),
    )
    scheme, _, address = place.root.partition("://")
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(address, timeout=SECONDS)
    try:
        connection.request(method, encoded_path(path), body=body if method == "PUT" else None, headers=sent)
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, told, response.read())
    except (OSError, http.client.HTTPException) as failure:
        return failure
    finally:
        connection.close()
