"""Answers: values, Responses and refusals as an HTTP API's payload 2.0.

A refusal is a problem document (RFC 9457) with a stable `code`, the `errors` by field and
the `requestId` under which the log tells more. Nothing about the inside leaks.
"""

import base64
from http import HTTPStatus
from typing import Any

import msgspec

from lamppost.declare.events import Response
from lamppost.errors import CallerError

_encoder = msgspec.json.Encoder()
_JSON = "application/json"
_PROBLEM = "application/problem+json"


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
    body = response.body
    if body is None:
        return {"statusCode": response.status, "headers": headers, "body": ""}
    if isinstance(body, bytes):
        headers.setdefault("content-type", "application/octet-stream")
        encoded = base64.b64encode(body).decode()
        return {"statusCode": response.status, "headers": headers, "body": encoded, "isBase64Encoded": True}
    if isinstance(body, str):
        headers.setdefault("content-type", "text/plain; charset=utf-8")
        return {"statusCode": response.status, "headers": headers, "body": body}
    headers.setdefault("content-type", _JSON)
    return {"statusCode": response.status, "headers": headers, "body": _encoder.encode(body).decode()}


def problem(error: CallerError, request_id: str) -> dict[str, Any]:
    """The event for a refusal."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "code": error.code,
        "detail": error.what,
        "requestId": request_id,
    }
    if error.errors:
        document["errors"] = [
            {"path": field.path, "code": field.code, "message": field.message} for field in error.errors
        ]
    headers = {"content-type": _PROBLEM, "cache-control": "no-store"}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    body = _encoder.encode(document)
    return {"statusCode": error.status, "headers": headers, "body": body.decode()}
