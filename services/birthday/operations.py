"""What whoever is on call asks of the greetings, and does to them: again, stop, go on."""

from datetime import UTC
from typing import Any

from lamppost import Context, OperatorError
from lamppost.delivery import operations, reports
from services.birthday import inquiries, rezoning, scheduler
from services.birthday.store import pausing, replaying
from services.birthday.store.replaying import Pick


def operate(event: Any, ctx: Context) -> dict[str, Any]:
    """Answer one request of an operator's; a refusal is an answer too."""
    return operations.answer(event, ctx, act)


def act(request: operations.Request, ctx: Context) -> Any:
    """Do what is asked. Raises `OperatorError` when it cannot be."""
    match request:
        case operations.Explain():
            return inquiries.explain(request, ctx)
        case operations.Listing():
            return inquiries.listing(request, ctx)
        case operations.Attempts():
            return inquiries.attempts(request, ctx)
        case operations.Replay():
            return replay(request, ctx)
        case operations.Pause():
            return pause(request, ctx)
        case operations.Resume():
            return resume(request, ctx)
        case operations.State():
            return inquiries.state(ctx)
        case operations.Ledger():
            return inquiries.book(request, ctx)
        case operations.Tzdata():
            return rezoning.tzdata(request, ctx)


def replay(request: operations.Replay, ctx: Context) -> reports.Replayed:
    """Send again what is over, as much as was asked for, and at once; or count what would be."""
    pick = _pick(request)
    states = ("dead", "delivered") if request.delivered else ("dead",)
    with ctx.transaction() as db:
        before = request.before or replaying.now(db)
        if pick.greeting is not None and not replaying.exists(db, pick.greeting):
            raise OperatorError(
                f"no greeting {request.delivery} was tried",
                fix="see lamppost deliveries list; what was never tried goes out by itself",
                code="delivery_unknown",
            )
        if request.dry_run:
            counts = replaying.counts(db, pick, states=states, before=before)
            would = sum(each.count for each in counts if each.replay)
            return reports.Replayed(would, before.astimezone(UTC), tuple(counts))
        replayed = replaying.replay(db, pick, states=states, before=before, limit=request.limit)
    if replayed:
        ctx.log.info("greetings.replayed", count=replayed, delivered=request.delivered)
        scheduler.claim_retries(ctx)
        scheduler.relay(ctx)
    return reports.Replayed(replayed, before.astimezone(UTC))


def _pick(request: operations.Replay) -> Pick:
    """Which greetings are meant. Raises `OperatorError` unless it is said in exactly one way."""
    span = request.since is not None or request.until is not None
    ways = [request.delivery is not None, span, request.failed_since is not None]
    if sum(ways) != 1:
        raise _unclear("say what to replay in one way: a delivery, since and until, or failed_since")
    if span and (request.since is None or request.until is None or request.since >= request.until):
        raise _unclear("a span of due times takes since, and a later until")
    if request.delivered and request.failed_since is not None:
        raise _unclear("what failed was not delivered")
    greeting = inquiries.read_id(request.delivery) if request.delivery is not None else None
    return Pick(greeting, request.since, request.until, request.failed_since)


def _unclear(what: str) -> OperatorError:
    return OperatorError(what, fix="see lamppost deliveries replay --help", code="replay_unclear")


def pause(request: operations.Pause, ctx: Context) -> reports.Paused:
    """Send nothing from now on. What a worker is posting at this moment arrives."""
    with ctx.transaction() as db:
        pausing.pause(db, endpoint=inquiries.fingerprint(ctx), why=request.why, who=request.who)
    ctx.log.warning("webhook.paused", who=request.who, why=request.why)
    return inquiries.state(ctx)


def resume(request: operations.Resume, ctx: Context) -> reports.Paused:
    """Send again, what waits first. Nothing happens where nothing is paused."""
    with ctx.transaction() as db:
        ended = pausing.resume(db, everything=True)
    if ended is not None:
        ctx.log.warning("webhook.resumed", who=request.who, paused_by=ended.who, since=ended.since)
        scheduler.relay(ctx)
    return inquiries.state(ctx)
