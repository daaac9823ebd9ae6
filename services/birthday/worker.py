"""Posts the greetings of a chunk and records what came back."""

import random
import time
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from lamppost import Batch, Context, OperatorError
from lamppost.delivery import attempts, sending, signing, verdicts
from lamppost.delivery.answer import Answer
from lamppost.delivery.attempts import Attempt
from lamppost.delivery.sending import Post
from services.birthday import closing, endpoint, measuring, messages, outbox
from services.birthday.endpoint import Endpoint
from services.birthday.messages import Greeting
from services.birthday.store import chunks, kinds, letters, pausing
from services.birthday.store.chunks import Chunk
from services.birthday.store.kinds import Kind
from services.birthday.store.settling import Outcome, Tally

# The worker lives 30 s: sending ends at 22, recording and the answer to the queue have the rest.
RESERVE = 8.0
# What leasing and rendering a chunk may take before its first greeting leaves, which wants its whole timeout.
PREPARE = 1.0
# So often a chunk may go round by the queue alone. Lambda cuts a function that feeds its own queue after
# sixteen rounds: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
ROUNDS = 8
# A lease outlives its worker by this much, and never the other way round.
GRACE = 5.0
# The receiver wants nothing more at this address.
GONE = 410


class Doorbell(msgspec.Struct, frozen=True, rename="camel"):
    """A message of the queue: a chunk that is ready, or a dead letter that was brought back.

    `rounds` counts the workers that had it and no time to begin.
    """

    chunk: UUID | None = None
    rounds: int = 0
    event_id: UUID | None = None


def deliver(batch: Batch[Doorbell], ctx: Context) -> None:
    """Post every chunk of the batch, one after the other, each one's greetings side by side.

    The queue only rings: what is true stands in the tables, so a message that comes twice, late
    or never changes nothing. Chunks there was no time for go to another worker.
    """
    stop = time.monotonic() + ctx.remaining().total_seconds() - RESERVE
    late: list[Doorbell] = []
    for message in batch:
        if message.body.event_id is not None:
            revive(ctx, message.body.event_id)
        elif message.body.chunk is not None:
            if time.monotonic() + PREPARE + sending.TIMEOUT < stop:
                deliver_chunk(ctx, message.body.chunk, stop)
            else:
                late.append(message.body)
        else:
            batch.again(message, "it names neither a chunk nor an event")
    if late:
        ring_again(ctx, late)


def ring_again(ctx: Context, late: Sequence[Doorbell]) -> None:
    """Have other workers do these at once, or the next tick when that did not help."""
    fresh = [{"chunk": bell.chunk, "rounds": bell.rounds + 1} for bell in late if bell.rounds < ROUNDS]
    if fresh:
        ctx.send(outbox.QUEUE, *fresh)
    if tired := [bell.chunk for bell in late if bell.chunk is not None and bell.rounds >= ROUNDS]:
        put_back(ctx, tired)


def revive(ctx: Context, event: UUID) -> None:
    """Let a redriven greeting wait again, with all its attempts."""
    with ctx.transaction() as db:
        revived = letters.revive(db, event)
    ctx.log.info("greeting.revived" if revived else "greeting.was_not_dead", event=event)


def deliver_chunk(ctx: Context, chunk_id: UUID, stop: float) -> None:
    """Lease, post, record. Dying before the record repeats the posts, with the same webhook-id."""
    target = open_endpoint(ctx)
    if target is None:
        put_back(ctx, [chunk_id])
        return
    with ctx.transaction() as db:
        chunk = chunks.lease(db, chunk_id, seconds=ctx.remaining().total_seconds() + GRACE)
        if chunk is None:
            ctx.log.info("chunk.not_ours", chunk=chunk_id)
            return
        greetings = closing.render(db, chunk)
        known = kinds.every(db)
    posts = [post(greeting, known[greeting.kind].message, target) for greeting in greetings]
    answers = sending.send(posts, deadline=stop, allowed=target.allowed)
    record(ctx, chunk, list(zip(greetings, answers, strict=True)), known, target)


def put_back(ctx: Context, late: Sequence[UUID]) -> None:
    """Leave these chunks to the next tick."""
    with ctx.transaction() as db:
        chunks.put_back(db, late)


def open_endpoint(ctx: Context) -> Endpoint | None:
    """The endpoint to post to, or None when there is none, it wanted nothing more, or a person paused."""
    with ctx.transaction() as db:
        closed = pausing.paused(db)
    if closed is not None and closed.who is not None:
        ctx.log.warning("webhook.paused", who=closed.who, why=closed.why, since=closed.since)
        return None
    try:
        target = endpoint.current(ctx)
    except OperatorError as missing:
        with ctx.transaction() as db:
            pausing.pause(db, endpoint="", why=missing.what)
        ctx.log.error("webhook.unusable", error=missing.what, fix=missing.fix, code=missing.code)
        return None
    if closed is not None and closed.endpoint == target.fingerprint:
        ctx.log.error("webhook.disabled", fix=f"set another URL in {endpoint.URL}; greetings wait until then")
        return None
    if closed is not None:
        with ctx.transaction() as db:
            pausing.resume(db)
        ctx.log.info("webhook.resumed")
    return target


def post(greeting: Greeting, template: str, target: Endpoint) -> Post:
    """The signed request for one greeting."""
    body = msgspec.json.encode(messages.payload(greeting, template))
    name = messages.webhook_id(greeting.id)
    signed = signing.headers(target.keys, name, int(time.time()), body)
    return Post(target.url, body, (*signed, ("X-Idempotency-Key", name)))


def record(
    ctx: Context,
    chunk: Chunk,
    sent: Sequence[tuple[Greeting, Answer | None]],
    known: Mapping[str, Kind],
    target: Endpoint,
) -> None:
    """Write what came back; those never begun, or before a closed door, are a chunk of their own."""
    # The rest goes through the tables and the next tick: it is new, and no round of a chunk that was counted.
    rest = [each for each, answer in sent if answer is None or not answer.begun or answer.status == GONE]
    gone = any(answer is not None and answer.status == GONE for _, answer in sent)
    tried = [(each, answer) for each, answer in sent if answer is not None and answer.begun]
    ended = [(each, outcome(each, answer)) for each, answer in tried if answer.status != GONE]
    hours = {name: kind.hour for name, kind in known.items()}
    with ctx.transaction() as db:
        tally = closing.close(db, chunk, ended, hours, rest=rest)
        if tally is not None:
            attempts.record(db, "birthday", [attempt(each, answer) for each, answer in tried])
        if tally is not None and gone:
            pausing.pause(db, endpoint=target.fingerprint, why="it answered 410 Gone")
    if tally is None:
        ctx.log.warning("chunk.lost_to_another", chunk=chunk.id, token=chunk.token, sent=len(tried))
        return
    report(ctx, chunk, tally, tried, len(rest))
    if tally.dead:
        outbox.relay_letters(ctx)


def attempt(greeting: Greeting, answer: Answer) -> Attempt:
    """The row of the log."""
    return Attempt(messages.webhook_id(greeting.id), greeting.attempts + 1, answer)


def outcome(greeting: Greeting, answer: Answer) -> Outcome:
    """The verdict on one answer, as it is recorded."""
    verdict = verdicts.judge(answer, attempt=greeting.attempts + 1, chance=random.random())
    match verdict:
        case verdicts.Delivered():
            return Outcome(greeting.id, "delivered")
        case verdicts.Waiting(wait):
            return Outcome(greeting.id, "waiting", wait.total_seconds())
        case verdicts.Abandoned(why) | verdicts.Disabled(why):
            return Outcome(greeting.id, "dead", None, why)


def report(
    ctx: Context, chunk: Chunk, tally: Tally, tried: Sequence[tuple[Greeting, Answer]], rest: int
) -> None:
    """Say what happened, in numbers; names and addresses stay out of the log."""
    delivered = [
        greeting for greeting, answer in tried if answer.status is not None and 200 <= answer.status < 300
    ]
    failed = [answer for _, answer in tried if answer.status is None or not 200 <= answer.status < 300]
    measuring.chunk(ctx, tally, delivered, attempts=len(tried), failed=len(failed))
    errors = sorted({each.error or str(each.status) for each in failed})
    say = ctx.log.warning if tally.late or tally.dead or errors else ctx.log.info
    say(
        "greetings.sent",
        chunk=chunk.id,
        attempts=len(tried),
        delivered=tally.delivered,
        waiting=tally.waiting,
        dead=tally.dead,
        rest=rest,
        late=tally.late,
        lateness_s=tally.lateness.total_seconds() if tally.lateness is not None else None,
        errors=errors,
    )
