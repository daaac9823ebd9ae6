"""What CloudFormation's custom resource asks of the migrator, through CDK's Provider.

`RequestType` is Create, Update or Delete, and `ResourceProperties.digest` names the release. When a later
step of an update fails, CloudFormation sends one more Update, old and new properties swapped: a failure there
would leave the stack in UPDATE_ROLLBACK_FAILED, so going back must succeed whenever the databases can serve
the old code, and they can: migrations only add, until a contract.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes.html

A person may ask too: `lamppost invoke migrator --payload '{"action": "status"}'`.
"""

from typing import Any

import msgspec

from lamppost import AuthorError, Context
from lamppost.migrate.events import Event
from lamppost.migrate.rollout import Rollout, heads, ledgers, roll_out
from lamppost.migrate.rollouts import digest_of
from lamppost.migrate.stage import Stage

# CloudFormation replaces a resource whose id changes; this one is never replaced.
ID = "migrator"
# A response is at most 4,096 bytes, this names the most of them.
NAMES = 2_000


def handle(event: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Answer one request of CloudFormation's, or one of a person's.

    Raising is the answer "failed": the Provider tells CloudFormation our sentence.
    """
    request = event.get("RequestType")
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
    return {"PhysicalResourceId": ID, "Data": _data(_rolled_out(_digest(event), ctx))}


def _asked(event: dict[str, Any], ctx: Context) -> dict[str, Any]:
    match event.get("action", "status"):
        case "status":
            here = Stage.here().places()
            return {"digest": digest_of(place.bundle for place in here), "head": heads(here)}
        case "ledger":
            return {"databases": msgspec.to_builtins(ledgers(Stage.here().places()))}
        case "apply":
            digest = digest_of(place.bundle for place in Stage.here().places())
            return dict(msgspec.to_builtins(_rolled_out(digest, ctx)))
        case other:
            raise AuthorError(
                f"nobody knows the action {other!r}",
                fix="send status, ledger or apply",
                code="migrator_request",
            )


def _rolled_out(digest: str, ctx: Context) -> Rollout:
    def report(event: Event) -> None:
        ctx.log.info(f"migration.{type(event).__name__.lower()}", **msgspec.to_builtins(event))

    done = roll_out(Stage.here().places(), digest=digest, report=report)
    ctx.log.info("rollout.done", digest=digest, applied=len(done.applied), notice=done.notice or None)
    return done


def _digest(event: dict[str, Any]) -> str:
    digest = (event.get("ResourceProperties") or {}).get("digest")
    if not isinstance(digest, str) or not digest:
        raise AuthorError(
            "the event names no digest",
            fix="give the custom resource the property digest; `lamppost synth` does",
            code="migrator_request",
        )
    return digest


def _data(done: Rollout) -> dict[str, str]:
    """What the stack can read with `GetAtt`: strings, and not too long."""
    applied = ",".join(done.applied)
    newest = max((name for heads in done.head.values() for name in heads.values()), default="")
    return {
        "digest": done.digest,
        "head": newest,
        "count": str(len(done.applied)),
        "applied": applied if len(applied) <= NAMES else applied[:NAMES] + "…",
    }
