"""Every minute: hand what is due to the workers, and heal what a crash left behind."""

from lamppost import Context, Tick, seconds
from lamppost.delivery import attempts
from services.birthday import closing, measuring, outbox
from services.birthday.store import chunks, claiming, kinds, pausing
from services.birthday.store.settling import Outcome

# Before the timeout, so that a long queue of claims ends between two statements; the next tick goes on.
ENOUGH = seconds(15)
KEEP_ATTEMPTS_DAYS = 30


def collect_due(tick: Tick, ctx: Context) -> None:
    """Hand every greeting whose hour has come to the workers.

    Claiming writes chunks; relaying sends them. A crash between the two leaves
    chunks that the next tick relays, and a chunk sent twice is leased once.
    """
    give_up_hopeless(ctx)
    claimed = sum(claim(ctx, kind) for kind in known_kinds(ctx))
    while ctx.remaining() > ENOUGH and (retried := claim_retries(ctx)):
        claimed += retried
    relay(ctx)
    while ctx.remaining() > ENOUGH and outbox.relay_letters(ctx):
        pass
    if ctx.remaining() > ENOUGH:
        attempts.keep(ctx, KEEP_ATTEMPTS_DAYS)
        measuring.tick(ctx, claimed=claimed)
    ctx.log.info("greetings.claimed", count=claimed, due=tick.at)


def known_kinds(ctx: Context) -> list[str]:
    """What is celebrated; none when the time is over already."""
    if ctx.remaining() <= ENOUGH:
        return []
    with ctx.transaction() as db:
        known = claiming.kinds(db)
    while ctx.remaining() > ENOUGH and (adopted := adopt(ctx)):
        ctx.log.warning("dates.adopted", count=adopted)
    return known


def adopt(ctx: Context) -> int:
    """Take over dates that came out of a backup; how many."""
    with ctx.transaction() as db:
        return claiming.adopt(db)


def claim(ctx: Context, kind: str) -> int:
    """Make chunks of what is due of this kind, a slice at a time, each on its way before the next."""
    claimed = 0
    while ctx.remaining() > ENOUGH:
        with ctx.transaction() as db:
            count = claiming.claim_due(db, kind)
        claimed += count
        if count < claiming.SLICE:
            break
        relay(ctx)
    return claimed


def claim_retries(ctx: Context) -> int:
    """Make a chunk of greetings that are to be tried again; how many."""
    with ctx.transaction() as db:
        return claiming.claim_retries(db)


def relay(ctx: Context) -> None:
    """Send what the queue does not have: nothing while a person paused it.

    While the worker paused it one chunk goes out, as a probe.
    """
    with ctx.transaction() as db:
        pause = pausing.paused(db)
    if pause is not None:
        if pause.who is None:
            outbox.relay_chunks(ctx, limit=1)
        return
    while outbox.relay_chunks(ctx) and ctx.remaining() > ENOUGH:
        pass


def give_up_hopeless(ctx: Context) -> None:
    """Split chunks that cost five workers their lives; bury who does so alone, until next year."""
    while ctx.remaining() > ENOUGH:
        with ctx.transaction() as db:
            chunk = chunks.hopeless(db)
            if chunk is None:
                return
            if chunk.size > 1:
                parts = chunks.split(db, chunk)
                ctx.log.error("chunk.split", chunk=chunk.id, members=chunk.size, parts=parts)
                continue
            reason = f"{chunk.token} workers died while sending its chunk"
            hours = {kind.name: kind.hour for kind in kinds.every(db).values()}
            dead = [(each, Outcome(each.id, "dead", reason=reason)) for each in closing.render(db, chunk)]
            closing.close(db, chunk, dead, hours)
        measuring.dead(ctx, len(dead))
        ctx.log.error("chunk.given_up", chunk=chunk.id, members=len(dead), leases=chunk.token)
