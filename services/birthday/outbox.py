"""From our tables to the queues: sent first, marked after.

A crash between the two sends a message again. That is harmless: a chunk is leased once, and a
letter says by its eventId that it is the same.
"""

from lamppost import Context
from services.birthday import messages
from services.birthday.store import chunks, kinds, letters

QUEUE = "bday-messages"
DEAD = "bday-messages-dlq"
# As many messages as SQS takes in ten calls: each call's round trip is shared by ten.
AT_ONCE = 100


def relay_chunks(ctx: Context, *, limit: int = AT_ONCE) -> int:
    """Send chunks that the queue does not have, oldest first; how many were sent."""
    with ctx.transaction() as db:
        ready = chunks.to_relay(db, limit=limit)
        if ready:
            ctx.send(QUEUE, *({"chunk": chunk.id, "greetings": chunk.size} for chunk in ready))
            chunks.mark_sent(db, [chunk.id for chunk in ready])
    for chunk in ready:
        if chunk.token:
            ctx.log.warning("chunk.sent_again", chunk=chunk.id, leases=chunk.token)
    return len(ready)


def relay_letters(ctx: Context) -> int:
    """Send up to a hundred dead letters; how many were sent."""
    with ctx.transaction() as db:
        ready = letters.letters(db)
        if ready:
            words = {kind.name: kind.message for kind in kinds.every(db).values()}
            ctx.send(DEAD, *(messages.dead_letter(each, words[each.kind], each.reason) for each in ready))
            letters.drop(db, [each.letter for each in ready])
    return len(ready)
