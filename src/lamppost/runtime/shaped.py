"""Refusals in the shape that a service's callers know."""

from importlib import import_module
from typing import Any

import msgspec

from lamppost.declare.problems import Problem
from lamppost.derive.manifest import ProblemsEntry
from lamppost.errors import CallerError
from lamppost.runtime import encode


def problem(error: CallerError, request_id: str, problems: ProblemsEntry) -> dict[str, Any]:
    """The event for a refusal, its body made by the service; headers stay ours."""
    plain = encode.problem(error, request_id)
    shape = getattr(import_module(problems.module), problems.shape)
    made = shape(msgspec.json.decode(plain["body"], type=Problem))
    return {
        "statusCode": dict(problems.statuses).get(error.status, error.status),
        "headers": {**plain["headers"], "content-type": problems.media},
        "body": msgspec.json.encode(made).decode(),
    }
