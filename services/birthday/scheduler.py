"""Every minute: hand what is due to the workers, and heal what a crash left behind."""

from lamppost import Context, Tick, seconds
from services.birthday import closing, outbox
from services.birthday.store import claiming, settling

# Before the timeout, so that a long queue of claims ends between two statements; the next tick goes on.
ENOUGH = seconds(15)


def collect_due(tick: Tick, ctx: Context) -> None:
    """Hand every greeting whose hour has come to the workers.

    Claiming writes the chunk; relaying sends it. A crash between the two leaves
    a chunk that the next tick relays, and a chunk sent twice is leased once.
    """
    give_up_hopeless(ctx)
    while outbox.relay_chunks(ctx) and ctx.remaining() > ENOUGH:
        pass
    claimed = 0
    while ctx.remaining() > ENOUGH and (count := claim(ctx)):
        claimed += count
        outbox.relay_chunks(ctx)
        if count < claiming.CHUNK:
            break
    while ctx.remaining() > ENOUGH and outbox.relay_letters(ctx):
        pass
    ctx.log.info("greetings.claimed", count=claimed, due=tick.at)


def claim(ctx: Context) -> int:
    """Make one chunk of what is due. While the endpoint is paused it holds one greeting: a probe."""
    with ctx.transaction() as db:
        probing = claiming.paused(db) is not None
        return claiming.claim_due(db, limit=1 if probing else claiming.CHUNK)


def give_up_hopeless(ctx: Context) -> None:
    """Bury the members of chunks that cost five workers their lives; next year is theirs again."""
    while ctx.remaining() > ENOUGH:
        with ctx.transaction() as db:
            chunk = claiming.hopeless(db)
            if chunk is None:
                return
            reason = f"{chunk.token} workers died while sending its chunk"
            outcomes = [
                settling.Outcome(member, "dead", error="E_CRASH", reason=reason) for member in chunk.members
            ]
            closing.close(db, chunk, outcomes)
        ctx.log.error("chunk.given_up", chunk=chunk.id, members=len(chunk.members), leases=chunk.token)
