"""An answer that Lambda would not carry (6 MB): stored, and answered with a link to it."""

import base64
import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from lamppost.declare import limits
from lamppost.errors import CallerError
from lamppost.runtime.context import LiveContext

# What describes the body goes with it; the rest stays in the answer.
_OF_THE_BODY = ("content-type", "content-encoding", "content-language", "content-disposition")


def stored(answered: dict[str, Any], context: LiveContext) -> dict[str, Any]:
    """`answered`, or a 303 to where it is now: the first of the function's `stores`, for a day.

    Raises a 500, answer_too_large, when the function has none; the log says what to declare. What was changed
    stays changed, as after any answer that is lost on its way.
    """
    size = len(msgspec.json.encode(answered["body"]))
    if size <= limits.ANSWER_BYTES:
        return answered
    if not context.stores or not 200 <= answered["statusCode"] < 300:
        context.log.error(
            "answer.too_large",
            bytes=size,
            limit=limits.ANSWER_BYTES,
            fix='give the function stores=("a-bucket",): larger answers are kept there, and sent as a link',
        )
        raise CallerError(
            500, "answer_too_large", "the answer is larger than this API can send; its operator has been told"
        )
    raw = _raw(answered)
    headers = answered["headers"]
    objects = context.bucket(context.stores[0])
    key = f"{limits.ANSWERS}{uuid.uuid4()}"
    until = datetime.now(UTC) + limits.ANSWER_LINK
    own = {name: headers[name] for name in _OF_THE_BODY if name in headers}
    objects.store(key, raw, own, hashlib.sha256(raw).hexdigest())
    link = objects.link_to(key, {"response-cache-control": "private"}, limits.ANSWER_LINK)
    context.log.info("answer.stored", bytes=len(raw), key=key)
    told = {"location": link, "type": own.get("content-type"), "size": len(raw), "expiresAt": until}
    kept = {name: value for name, value in headers.items() if name not in _OF_THE_BODY}
    return {
        **answered,
        "statusCode": 303,
        "headers": {
            **kept,
            "location": link,
            "content-type": "application/json",
            "cache-control": "no-store",
        },
        "body": msgspec.json.encode(told).decode(),
        "isBase64Encoded": False,
    }


def _raw(answered: dict[str, Any]) -> bytes:
    body: str = answered["body"]
    return base64.b64decode(body) if answered.get("isBase64Encoded") else body.encode()
