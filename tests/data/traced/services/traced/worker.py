"""Posts a note."""

import os
import signal
import time

import msgspec

from lamppost import Context, Message
from lamppost.delivery import sending, vetting
from lamppost.delivery.sending import Post


class Note(msgspec.Struct, forbid_unknown_fields=True):
    """A note."""

    said: str
    fatal: bool = False


def deliver(message: Message[Note], ctx: Context) -> None:
    """Keep it and post it. A fatal one ends its first worker before the post."""
    with ctx.transaction() as db:
        db.execute("insert into traced.notes (said) values (%s)", (message.body.said,))
    if message.body.fatal and message.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    post = Post(ctx.parameter("/traced/webhook-url"), msgspec.json.encode(message.body))
    sending.send([post], deadline=time.monotonic() + 12, allowed=vetting.allowances(os.environ))
    ctx.log.info("note.posted", attempt=message.attempt)
