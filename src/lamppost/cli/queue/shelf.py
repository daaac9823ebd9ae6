"""A queue that an operator works on. There are two: the local system's, and SQS by its API.

The work itself is written once, over this. They differ in what they can promise, and that is
why there are two: locally a look takes nothing and a move is one transaction; over SQS a look is
a receive that hides messages for a while, and a move is a send and then a delete.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

import msgspec
from cyclopts import Parameter

from lamppost.cli.queue.letters import Letter

Aws = Annotated[
    bool,
    Parameter(
        name="--aws",
        negative=(),
        help="Work on SQS, as the AWS_* variables say, instead of the local system.",
    ),
]
QueueName = Annotated[str, Parameter(help="bday-messages, bday-messages-dlq, …; either of a queue's names.")]
Filters = Annotated[
    list[str] | None,
    Parameter(
        name="--filter",
        negative=(),
        help="Only messages like this: userId=7, items[0].kind~late (holds), @lamppost.why~timeout"
        " (an attribute), $~text (anywhere). May be given again: all must fit.",
    ),
]


class About(msgspec.Struct, frozen=True):
    """A queue at the start of the work. `now` is its own clock, aware.

    `homes` are the queues whose dead letters come here, or the one that was asked for; None when
    the server does not tell. In `trial_s` seconds a message that fails there is back.
    `costly`: a look counts as an attempt.
    """

    name: str
    now: datetime
    messages: int
    homes: list[str] | None
    trial_s: float
    costly: bool = False


class Shelf(Protocol):
    """A walk through one queue, and what can be done on the way."""

    about: About

    def next(self, limit: int) -> list[Letter]:
        """Up to `limit` messages that the walk has not met; none at its end."""

    def bring_back(self, letters: Sequence[Letter]) -> dict[str, str]:
        """Move these to where they came from, or to the target. Those that went: id to queue."""

    def fallen(self) -> int:
        """How many of those brought back are dead again."""

    def pending(self) -> int:
        """How many of those brought back are still waiting or at work, at most."""

    def drop(self, letters: Sequence[Letter]) -> int:
        """Delete these; how many there were."""

    def drop_all(self) -> int:
        """Delete everything; how many there were."""

    def close(self) -> None:
        """Let go of whatever the walk holds."""


def open_shelf(queue: str, *, data: Path, aws: bool, target: str | None = None) -> Shelf:
    """The queue of this name. Raises `OperatorError` when it, or `target`, is not there."""
    if aws:
        from lamppost.cli.queue.sqs_calls import connect
        from lamppost.cli.queue.sqs_shelf import SqsShelf

        return SqsShelf(connect(), queue, target)
    from lamppost.cli.queue.local_shelf import LocalShelf

    return LocalShelf(data, queue, target)
