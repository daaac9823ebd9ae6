"""`lamppost logs`: what functions said, all in one stream."""

import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from lamppost.cli.output import safe, wants_json
from lamppost.cli.periods import Period, read_period
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask
from lamppost.observe.metrics import OPENING

PAUSE = 0.3


def logs(
    *functions: Annotated[str, Parameter(help="Only these functions; all when none is named.")],
    since: Annotated[
        Period | None, Parameter(help="How far back: 30s, 10m, 2h, 1d. 10m unless said, with --trace 7d.")
    ] = None,
    follow: Annotated[
        bool, Parameter(name=("--follow", "-f"), negative=(), help="Stay and show what comes.")
    ] = False,
    find: Annotated[str, Parameter(help="Only lines that hold this text.")] = "",
    trace: Annotated[str, Parameter(help="Only what belongs to this trace, in all functions.")] = "",
    platform: Annotated[
        bool,
        Parameter(negative=(), help="Lambda's START, END and REPORT lines too, and those that hold metrics."),
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Show what functions said, oldest first, in one stream."""
    back = read_period(since or ("7d" if trace else "10m"))
    start = int((time.time() - back.total_seconds()) * 1000)
    seen: set[tuple[str, str]] = set()
    as_json = wants_json(json)
    while True:
        for event in ask(data, "logs", functions=list(functions), since=start, trace=trace):
            key = (event["function"], event["id"])
            if (
                key in seen
                or find not in event["message"]
                or (_is_platform(event["message"]) and not platform)
            ):
                continue
            seen.add(key)
            sys.stdout.write((msgspec.json.encode(event).decode() if as_json else _line(event)) + "\n")
            start = max(start, event["at"] - 1000)
        sys.stdout.flush()
        if not follow:
            return
        time.sleep(PAUSE)


def _is_platform(message: str) -> bool:
    return message.startswith(("START RequestId", "END RequestId", "REPORT RequestId", OPENING))


def _line(event: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(event["at"] / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    return f"{at} {event['function']} {safe(_told(event['message']))}"


def _told(message: str) -> str:
    """Our own JSON lines as level, message and fields; everything else as it was said."""
    try:
        line = msgspec.json.decode(message, type=dict[str, Any])
        level, text = line.pop("level"), line.pop("message")
    except (msgspec.DecodeError, KeyError):
        return message
    for usual in ("timestamp", "service", "function", "trace_id"):
        line.pop(usual, None)
    fields = " ".join(f"{name}={value}" for name, value in line.items())
    return f"{level:<5} {text} {fields}".rstrip()
