"""Answers: values, Responses and refusals as an HTTP API's payload 2.0.

A refusal is a problem document (RFC 9457) with a stable `code`, the `errors` by field and
the `requestId` under which the log tells more. Nothing about the inside leaks.
"""

import base64
import re
from http import HTTPStatus
from typing import Any

import msgspec

from lamppost.declare.events import Response
from lamppost.errors import CallerError

_encoder = msgspec.json.Encoder()
_TITLES = {status.value: status.phrase for status in HTTPStatus}
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
_BREAK = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def answer(value: Any, status: int) -> dict[str, Any]:
    """The event for what a handler returned: a Response as it says, None as 204, else JSON."""
    if isinstance(value, Response):
        return _response(value)
    if value is None:
        return {"statusCode": 204, "headers": {}, "body": ""}
    return {
        "statusCode": status,
        "headers": {"content-type": _JSON, "cache-control": "no-store"},
        "body": _encoder.encode(value).decode(),
    }


def _response(response: Response) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if not 200 <= response.status <= 599:
        raise ValueError(f"no answer has the status {response.status}")
    for name, value in (*headers.items(), *(("set-cookie", cookie) for cookie in response.cookies)):
        # A caller's line break in a header would end the head, and begin an answer of the caller's own.
        if not _NAME.fullmatch(name) or _BREAK.search(value):
            raise ValueError(f"no header has this name, or a line break in its value: {name!r}")
    body, is_bytes = response.body, isinstance(response.body, bytes)
    if body is None:
        text = ""
    elif isinstance(body, bytes):
        headers.setdefault("content-type", "application/octet-stream")
        text = base64.b64encode(body).decode()
    elif isinstance(body, str):
        headers.setdefault("content-type", "text/plain; charset=utf-8")
        text = body
    else:
        headers.setdefault("content-type", _JSON)
        text = _encoder.encode(body).decode()
    answered = {"statusCode": response.status, "headers": headers, "body": text, "isBase64Encoded": is_bytes}
    cookies = [*response.cookies, *([headers.pop("set-cookie")] if "set-cookie" in headers else [])]
    if cookies:
        answered["cookies"] = cookies
    return answered


def problem(error: CallerError, request_id: str) -> dict[str, Any]:
    """The event for a refusal."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(error.status, "Refused"),
        "status": error.status,
        "code": error.code,
        "detail": _sendable(error.what),
        "requestId": request_id,
    }
    if error.errors:
        document["errors"] = [
            {"path": _sendable(field.path), "code": field.code, "message": _sendable(field.message)}
            for field in error.errors
        ]
    headers = {"content-type": _PROBLEM, "cache-control": "no-store"}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    body = _encoder.encode(document)
    return {"statusCode": error.status, "headers": headers, "body": body.decode()}


def _sendable(text: str) -> str:
    # A caller's own words may hold half of a surrogate pair, for which UTF-8 has no bytes.
    return text.encode("utf-8", "replace").decode()
