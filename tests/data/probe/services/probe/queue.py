"""A queue's handler that takes well-formed messages and writes each once."""

import msgspec

from lamppost import Context, Message


class Job(msgspec.Struct, forbid_unknown_fields=True):
    """A message."""

    job: str


def work(message: Message[Job], ctx: Context) -> None:
    """Write the job down."""
    with ctx.transaction() as db:
        db.execute("insert into probe.marks (said) values (%s)", (message.body.job,))
