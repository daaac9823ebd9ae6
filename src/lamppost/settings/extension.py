"""AWS's Parameters and Secrets extension: a cache beside the function, on a loopback port.

It is a fast path and nothing more. When it is absent, not ready or refuses, the caller sends a
signed request instead, whose errors have names.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_lambda.html
"""

import os
import time
from collections.abc import Callable
from typing import Any

import msgspec

from lamppost.settings import wire

# It starts beside the function and answers 400 until it has registered.
NOT_READY = b"not ready to serve traffic"
READY_SECONDS = 2.0
# Its own cache, https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html
DEFAULT_TTL = 300

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~-")


def port() -> int | None:
    """Where the extension listens, or None where there is none."""
    named = os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "")
    return int(named) if named.isdigit() else None


def keeps_parameters() -> int:
    """How many seconds the extension itself may hold a parameter: SSM_PARAMETER_STORE_TTL, 300 unless set."""
    if os.environ.get("PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED", "").lower() == "false":
        return 0
    named = os.environ.get("SSM_PARAMETER_STORE_TTL", "")
    return int(named) if named.isdigit() else DEFAULT_TTL


def secret(name: str) -> str | None:
    """The secret's text, or None when the extension has no answer."""
    answer = _get(f"/secretsmanager/get?secretId={quoted(name)}")
    return _text(answer, "SecretString")


def parameter(name: str) -> str | None:
    """The parameter's value, decrypted, or None when the extension has no answer."""
    answer = _get(f"/systemsmanager/parameters/get?name={quoted(name)}&withDecryption=true")
    inner = answer.get("Parameter") if answer else None
    return _text(inner, "Value")


def _get(path: str, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any] | None:
    where = port()
    if where is None:
        return None
    to = wire.Address(False, "localhost", where)
    headers = {"X-Aws-Parameters-Secrets-Token": os.environ.get("AWS_SESSION_TOKEN", "")}
    deadline = time.monotonic() + READY_SECONDS
    pause = 0.01
    while True:
        try:
            answer = wire.ask(to, "GET", path, headers)
        except wire.WireError:
            return None
        if answer.status == 200:
            return _decoded(answer.body)
        if NOT_READY not in answer.body or time.monotonic() + pause > deadline:
            return None
        sleep(pause)
        pause = min(pause * 2, 0.2)


def _decoded(body: bytes) -> dict[str, Any] | None:
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return decoded if isinstance(decoded, dict) else None


def _text(answer: object, field: str) -> str | None:
    value = answer.get(field) if isinstance(answer, dict) else None
    return value if isinstance(value, str) else None


def quoted(text: str) -> str:
    """`text` as a query value: everything but RFC 3986's unreserved characters is escaped."""
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode())
