"""What CloudFormation's custom resource asks of the migrator, through CDK's Provider.

`RequestType` is Create, Update or Delete, and `ResourceProperties.digest` names the release. One resource
stands before the services and brings the files in; another, with `live`, stands behind them and notes that
their code serves requests, from which contract files count the hours. When a later
step of an update fails, CloudFormation sends one more Update, old and new properties swapped: a failure there
would leave the stack in UPDATE_ROLLBACK_FAILED, so going back must succeed whenever the databases can serve
the old code, and they can: migrations only add, until a contract.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes.html

Secrets Manager asks for a new password of a database's role, step by step (`lamppost.migrate.rotation`).
A person may ask too: `lamppost invoke migrator --payload '{"action": "status"}'`.
"""

from typing import Any

import msgspec

from lamppost import AuthorError, Context, minutes, seconds
from lamppost.migrate import rotation
from lamppost.migrate.events import Event
from lamppost.migrate.rollout import Rollout, heads, ledgers, record_live, roll_out
from lamppost.migrate.rollouts import digest_of
from lamppost.migrate.stage import Stage
from lamppost.migrate.weight import LIMIT_ROWS
from services.migrator import jobs
from services.migrator.requests import Properties, properties

# CloudFormation replaces a resource whose id changes; this one is never replaced.
ID = "migrator"
# What is left to say how it ended, when the function's own time is up.
MARGIN = seconds(10)
# CloudFormation waits ten minutes. A rollout ends before; the rest of the function's time is for jobs.
LONGEST = minutes(5)
# A response is at most 4,096 bytes, this names the most of them.
NAMES = 2_000


def handle(event: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Answer one request of CloudFormation's, or one of a person's.

    Raising is the answer "failed": the Provider tells CloudFormation our sentence.
    """
    request = event.get("RequestType")
    if rotation.asked(event):
        return _rotated(event, ctx)
    if request is None:
        return _asked(event, ctx)
    if request == "Delete":
        # The tables outlive the stack that made them, and their rows with them.
        ctx.log.info("rollout.left_alone", reason="the stack is deleted, the databases stay")
        return {"PhysicalResourceId": ID}
    if request not in ("Create", "Update"):
        raise AuthorError(
            f"RequestType is {request!r}", fix="send Create, Update or Delete", code="migrator_request"
        )
    wanted = properties(event)
    told = _data(_rolled_out(wanted, ctx)) if wanted.live is None else _live(wanted, ctx)
    return {"PhysicalResourceId": ID, "Data": told}


def _rotated(event: dict[str, Any], ctx: Context) -> dict[str, Any]:
    secret = rotation.rotate(Stage.here(), event)
    ctx.log.info("password.rotated", step=event["Step"], secret_name=secret)
    return {"secret": secret}


def _asked(event: dict[str, Any], ctx: Context) -> dict[str, Any]:
    match event.get("action", "status"):
        case "status":
            here = Stage.here().places()
            return {"digest": digest_of(place.bundle for place in here), "head": heads(here)}
        case "ledger":
            return {"databases": msgspec.to_builtins(ledgers(Stage.here().places()))}
        case "apply":
            digest = digest_of(place.bundle for place in Stage.here().places())
            return dict(msgspec.to_builtins(_rolled_out(Properties(digest), ctx)))
        case "job":
            return jobs.piece(event, ctx)
        case "jobs":
            return jobs.listed()
        case "pause":
            return jobs.paused(event)
        case "resume":
            return jobs.resumed(event)
        case other:
            raise AuthorError(
                f"nobody knows the action {other!r}",
                fix="send status, ledger, apply, jobs, job, pause or resume",
                code="migrator_request",
            )


def _rolled_out(wanted: Properties, ctx: Context) -> Rollout:
    def report(event: Event) -> None:
        ctx.log.info(f"migration.{type(event).__name__.lower()}", **msgspec.to_builtins(event))

    done = roll_out(
        Stage.here().places(),
        digest=wanted.digest,
        report=report,
        limit_rows=LIMIT_ROWS if wanted.limit_rows is None else wanted.limit_rows,
        soak=wanted.soak,
        seconds=min(ctx.remaining() - MARGIN, LONGEST).total_seconds(),
    )
    ctx.log.info(
        "rollout.done",
        digest=done.digest,
        applied=len(done.applied),
        jobs=done.jobs or None,
        notice=done.notice or None,
    )
    return done


def _live(wanted: Properties, ctx: Context) -> dict[str, str]:
    found = record_live(Stage.here().places(), wanted.live or {}, digest=wanted.digest)
    ctx.log.info("release.live", digest=wanted.digest, services=[release.service for release in found])
    return {"digest": wanted.digest, "count": str(len(found))}


def _data(done: Rollout) -> dict[str, str]:
    """What the stack can read with `GetAtt`: strings, and not too long."""
    applied = ",".join(done.applied)
    newest = max((name for heads in done.head.values() for name in heads.values()), default="")
    return {
        "digest": done.digest,
        "head": newest,
        "count": str(len(done.applied)),
        "jobs": str(len(done.jobs)),
        "applied": applied if len(applied) <= NAMES else applied[:NAMES] + "…",
    }
