"""What schemathesis cannot know: loaded into its process by `SCHEMATHESIS_HOOKS`.

It makes small keys and meets them again under other bodies, which is what a key must refuse; and text
that is right by its schema need not be right by the calendar, so that half of the bodies are helped.
"""

import os
import uuid
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, HookContext
from schemathesis.specs.openapi import object_authorization

KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Give each good request a key of its own, and every other good body the example's texts."""
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    if case.headers and KEY in case.headers:
        case.headers[KEY] = str(uuid.uuid4())
    case.body = _whole(case.body)
    example = _example(case)
    if isinstance(case.body, dict) and isinstance(example, dict) and uuid.uuid4().int % 2:
        case.body = {
            name: example[name] if isinstance(value, str) and isinstance(example.get(name), str) else value
            for name, value in case.body.items()
        }


def _whole(value: Any) -> Any:
    """1.0 is an integer to JSON Schema, and none to us: one value has one spelling."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value


def _example(case: Case) -> Any:
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("example")


_probe = object_authorization._probe


def _noted(read: Any, peer: str, *more: Any) -> None:
    """Write down that a peer asked for what another owns: a check without anything to try proves nothing."""
    with Path(os.environ["PROMISES_PROBED"]).open("a") as probed:
        probed.write(f"{peer} {read.owner} {read.case.operation.label}\n")
    _probe(read, peer, *more)


object_authorization._probe = _noted
