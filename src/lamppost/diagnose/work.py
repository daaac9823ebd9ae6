"""Checks of the work: functions that failed lately, and messages that nobody could deliver."""

import time
from collections.abc import Iterator

import msgspec
import psycopg

from lamppost.diagnose.finding import Finding
from lamppost.diagnose.place import Place
from lamppost.local.databases import HOME
from lamppost.local.logs import LogStore

HOUR_MS = 3_600_000
_DEAD = """
select messages.queue, count(*), date_trunc('second', now() - min(messages.sent_at))::text
  from local.messages
 where messages.queue in (select dead_name from local.queues where dead_name is not null)
    or messages.queue like '%-failures'
 group by 1
 order by 1
"""


class _Line(msgspec.Struct):
    level: str
    message: str
    error: str = ""
    kind: str = ""
    code: str | None = None


def failing_functions(place: Place) -> Iterator[Finding]:
    """Functions with errors in the last hour, each with its last one."""
    folder = place.data / "logs"
    if not folder.is_dir():
        return
    logs = LogStore(folder)
    since = int(time.time() * 1000) - HOUR_MS
    for function in logs.functions():
        errors = [said for event in logs.read(function, since=since) if (said := _error(event.message))]
        if errors:
            yield Finding(
                "function_failing",
                "wrong",
                function,
                f"{len(errors)} errors in the last hour, the last: {errors[-1][:300]}",
                f"lamppost logs {function} --since 1h",
            )


def _error(message: str) -> str:
    """What went wrong, if this line says that something did."""
    if "Task timed out after" in message or message.startswith(("[ERROR]", "Traceback")):
        return message.partition("\n")[0]
    try:
        line = msgspec.json.decode(message, type=_Line)
    except msgspec.DecodeError:
        return ""
    if line.level not in ("error", "fatal"):
        return ""
    about = line.error or line.code or ""
    return ": ".join(part for part in (line.message, line.kind, about) if part)


def dead_letters(place: Place) -> Iterator[Finding]:
    """Messages that were tried as often as their queue allows."""
    try:
        with place.open(HOME) as db:
            rows = db.execute(_DEAD).fetchall()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        # No server or no queues: other checks say so.
        return
    for queue, count, age in rows:
        yield Finding(
            "dead_letters",
            "wrong",
            queue,
            f"{count} messages that no attempt delivered, the oldest {age} old",
            f"lamppost queue peek {queue}",
        )
