"""`lamppost queue list`: every queue, and how much waits in it."""

from typing import Any

from lamppost.cli.output import show, table
from lamppost.cli.queue.shelf import Aws
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask


def list_(*, aws: Aws = False, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """List every queue and how much waits in it."""
    found: list[dict[str, Any]]
    if aws:
        from lamppost.cli.queue.sqs_calls import connect, listed

        found = listed(connect())
    else:
        found = ask(data, "queue/list")
    rows = [(q["name"], q["visible"], q["in_flight"], q["delayed"], q.get("oldest_s", "")) for q in found]
    headings = ("QUEUE", "VISIBLE", "IN FLIGHT", "DELAYED", "OLDEST (S)")
    show(found, lambda: table(rows, headings), as_json=json)
