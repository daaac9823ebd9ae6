"""`lamppost queue`: queues and dead letters, looked into without taking anything."""

from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from lamppost.cli.output import safe, show, table
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask

app = App(name="queue", help="Look into queues and dead letters.")


@app.command(name="list")
def list_(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """List every queue and how much waits in it."""
    found = ask(data, "queue/list")
    rows = [(q["name"], q["visible"], q["in_flight"], q["delayed"], q["oldest_s"]) for q in found]
    headings = ("QUEUE", "VISIBLE", "IN FLIGHT", "DELAYED", "OLDEST (S)")
    show(found, lambda: table(rows, headings), as_json=json)


@app.command
def peek(
    queue: Annotated[str, Parameter(help="bday-messages, bday-messages-dlq, …; either of a queue's names.")],
    *,
    limit: Annotated[int, Parameter(help="At most so many messages.")] = 10,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Show messages, oldest first. Looking is not receiving: nothing is hidden or counted."""
    found = ask(data, "queue/peek", queue=queue, limit=limit)
    show(found, lambda: _words(found), as_json=json)


def _words(found: list[dict[str, Any]]) -> str:
    if not found:
        return "nothing is in it"
    return "\n\n".join(_one(message) for message in found)


def _one(message: dict[str, Any]) -> str:
    body = msgspec.json.format(msgspec.json.encode(message["body"]), indent=2).decode()
    why = "".join(
        f"\n  {safe(name)}: {safe(str(value.get('StringValue', '')))}"
        for name, value in message["attributes"].items()
    )
    head = f"{message['id']}  sent {message['sent_at'][:19]}Z  received {message['receives']} times"
    return f"{head}{why}\n{safe(body)}"
