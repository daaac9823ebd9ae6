"""Jobs on AWS: a state machine asks for piece after piece of one; a person lists, pauses and resumes them."""

from collections.abc import Callable
from typing import Any

import msgspec

from lamppost import AuthorError, Context, minutes, seconds
from lamppost.migrate.events import Event
from lamppost.migrate.jobs import pieces
from lamppost.migrate.jobs.events import Batch, JobEvent
from lamppost.migrate.stage import Stage

# Batches begin for so long: well within the function's time, so that its duration alarms nobody.
WALK = minutes(10)
# Or for this share of the time, where a function has less; the last batch takes a minute at most.
SHARE = 0.7
# What is left to say how it ended, when the function's own time is up.
MARGIN = seconds(15)


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the state machine was started with; without a `job`, every one that is open is meant."""

    job: str | None = None


def piece(event: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Run a piece of the job that `event["input"]` names, and say what to do next."""
    last: list[Batch] = []

    def report(heard: JobEvent | Event) -> None:
        # There may be thousands of batches in a piece: the newest stands for them.
        if isinstance(heard, Batch):
            last[:] = [heard]
        else:
            ctx.log.info(f"job.{type(heard).__name__.lower()}", **msgspec.to_builtins(heard))

    left = ctx.remaining() - MARGIN
    done = pieces.run_piece(
        Stage.here().places(),
        _asked(event.get("input")).job,
        walk=min(WALK, left * SHARE).total_seconds(),
        statement=left.total_seconds(),
        report=report,
    )
    ctx.log.info("job.piece_done", last_key=last[0].last_key if last else None, **msgspec.to_builtins(done))
    return dict(msgspec.to_builtins(done))


def listed() -> dict[str, Any]:
    """Every job of every database, and how far it is."""
    return {"databases": msgspec.to_builtins(pieces.standing(Stage.here().places()))}


def paused(event: dict[str, Any]) -> dict[str, Any]:
    """Stop a job behind its present batch."""
    return _changed(event, pieces.pause)


def resumed(event: dict[str, Any]) -> dict[str, Any]:
    """Let a paused job be run again; whoever asks starts the state machine next."""
    return _changed(event, pieces.resume)


def _changed(event: dict[str, Any], change: Callable[..., bool]) -> dict[str, Any]:
    name = _asked({"job": event.get("job")}).job
    if name is None:
        raise AuthorError("no job is named", fix='give {"job": "2025-…sql"}', code="migrator_request")
    return {"job": name, "changed": change(Stage.here().places(), name)}


def _asked(given: Any) -> Asked:
    try:
        return msgspec.convert(given or {}, Asked)
    except msgspec.ValidationError as wrong:
        raise AuthorError(
            f"the job asked for is no name: {wrong}",
            fix='give {"job": "2025-…sql"}, or {} for every open one',
            code="migrator_request",
        ) from wrong
