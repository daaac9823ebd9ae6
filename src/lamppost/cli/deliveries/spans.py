"""Times that a command is given, by the clock of the system that it asks."""

from datetime import UTC, datetime

from lamppost.cli.desk import Where
from lamppost.cli.queue.reading import read_moment
from lamppost.cli.running import ask


def moment(text: str | None, where: Where) -> datetime | None:
    """`2h` (ago) or an instant; "ago" counts from the local system's time, or from now on AWS."""
    if text is None:
        return None
    if where.aws is not None:
        return read_moment(text, datetime.now(UTC))
    return read_moment(text, datetime.fromisoformat(ask(where.data, "clock/show")["now"]))
