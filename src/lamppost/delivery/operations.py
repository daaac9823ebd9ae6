"""What an operator may ask of a service that delivers: the requests of its operations function.

`Service(operations=...)` names that function. It is invoked with one of these as its event, `{"action":
"ledger"}`, and answers with the JSON of `reports`, or with `{"refused": {"what", "fix", "code"}}`: a typing
error of an operator must not ring the alarm that failed invocations ring.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, get_args
from uuid import UUID

import msgspec
from msgspec import Meta

from lamppost.errors import LamppostError, OperatorError

if TYPE_CHECKING:
    from lamppost.declare.context import Context

Aware = Annotated[datetime, Meta(tz=True)]
Words = Annotated[str, Meta(min_length=1, max_length=200)]
# One invocation replays at most so many; whoever asks has the pace in hand.
PORTION = 1000


class _Request(msgspec.Struct, frozen=True, tag_field="action", forbid_unknown_fields=True):
    """Any of them; `action` says which."""


class Explain(_Request, frozen=True, tag="explain"):
    """The next `count` instants of a person's days and why, and what stands in the tables."""

    person: UUID
    kind: str | None = None
    count: Annotated[int, Meta(ge=1, le=100)] = 20


class Listing(_Request, frozen=True, tag="list"):
    """Deliveries that were tried, latest due first."""

    status: str | None = None
    since: Aware | None = None
    until: Aware | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class Attempts(_Request, frozen=True, tag="attempts"):
    """What came back from each POST: `of` is the id of a delivery, or of a person."""

    of: Words


class Replay(_Request, frozen=True, tag="replay"):
    """Send again: one `delivery`, what was due in [`since`, `until`), or what died since `failed_since`.

    The dead, and with `delivered` also those that arrived, unless they ended at `before` or later: so
    a run of several requests meets each of them once. The answer says which `before` to go on with.
    """

    delivery: Words | None = None
    since: Aware | None = None
    until: Aware | None = None
    failed_since: Aware | None = None
    delivered: bool = False
    before: Aware | None = None
    limit: Annotated[int, Meta(ge=1, le=PORTION)] = 100
    dry_run: bool = False


class Pause(_Request, frozen=True, tag="pause"):
    """Send nothing until someone resumes."""

    why: Words
    who: Words


class Resume(_Request, frozen=True, tag="resume"):
    """Send again."""

    who: Words


class State(_Request, frozen=True, tag="state"):
    """Whether sending is paused, and what waits."""


class Ledger(_Request, frozen=True, tag="ledger"):
    """What became of what was due, by the minute, in [`since`, `until`); without them the last day."""

    since: Aware | None = None
    until: Aware | None = None
    limit: Annotated[int, Meta(ge=1, le=3000)] = 1500


class Tzdata(_Request, frozen=True, tag="tzdata"):
    """Which occurrences the installed time zones move; `apply` moves as many as there is time for."""

    apply: bool = False


Request = Explain | Listing | Attempts | Replay | Pause | Resume | State | Ledger | Tzdata
ACTIONS = tuple(sorted(str(each.__struct_config__.tag) for each in get_args(Request)))


def read(event: Any) -> Request:
    """The request in `event`. Raises `OperatorError` for anything else."""
    try:
        request: Request = msgspec.convert(event, Request)
    except msgspec.ValidationError as wrong:
        raise OperatorError(
            f"the request is none: {wrong}",
            fix=f'send {{"action": ...}} with one of: {", ".join(ACTIONS)}',
            code="operation_malformed",
        ) from wrong
    return request


def answer(event: Any, ctx: "Context", act: Callable[[Request, "Context"], Any]) -> dict[str, Any]:
    """What the operations function returns: the answer of `act`, or its refusal, as plain data."""
    try:
        request = read(event)
        ctx.log.info("operation.asked", action=request.__struct_config__.tag)
        said: dict[str, Any] = msgspec.to_builtins(act(request, ctx))
    except LamppostError as refusal:
        ctx.log.warning("operation.refused", what=refusal.what, code=refusal.code)
        return {"refused": {"what": refusal.what, "fix": refusal.fix, "code": refusal.code}}
    return said
