"""From our tables to the queues: sent first, marked after.

A crash between the two sends a message again. That is harmless: a chunk is leased once, and a
letter says by its eventId that it is the same.
"""

from lamppost import Context
from services.birthday import messages
from services.birthday.store import claiming, settling

QUEUE = "bday-messages"
DEAD = "bday-messages-dlq"


def relay_chunks(ctx: Context) -> int:
    """Send up to ten chunks that the queue does not have, oldest first; how many were sent."""
    with ctx.transaction() as db:
        chunks = claiming.to_relay(db)
        if chunks:
            ctx.send(QUEUE, *({"chunk": chunk.id, "members": chunk.members} for chunk in chunks))
            claiming.mark_sent(db, [chunk.id for chunk in chunks])
    for chunk in chunks:
        if chunk.token:
            ctx.log.warning("chunk.sent_again", chunk=chunk.id, leases=chunk.token)
    return len(chunks)


def relay_letters(ctx: Context) -> int:
    """Send up to a hundred dead letters; how many were sent."""
    with ctx.transaction() as db:
        letters = settling.letters(db)
        if letters:
            ctx.send(DEAD, *(messages.dead_letter(letter, letter.reason) for letter in letters))
            settling.drop_letters(db, [letter.letter for letter in letters])
    return len(letters)
