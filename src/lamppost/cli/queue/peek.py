"""`lamppost queue peek`: what lies in a queue, and why."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter

from lamppost.cli.output import safe, show, table
from lamppost.cli.queue.filters import Meant, read_filters
from lamppost.cli.queue.letters import Letter, content, reasons, shown, why
from lamppost.cli.queue.reading import length
from lamppost.cli.queue.shelf import Aws, Filters, QueueName, Shelf, open_shelf
from lamppost.cli.running import DEFAULT_DATA, Data, Json
from lamppost.errors import OperatorError

# So many are looked at for the summary, however many are shown.
SUMMARY = 1000


def peek(
    queue: QueueName,
    *,
    limit: Annotated[int, Parameter(help="Show at most so many messages.")] = 10,
    filters: Filters = None,
    aws: Aws = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Show messages, oldest first, and what they died of. Nothing is taken, hidden or counted.

    With --aws it is a receive, as SQS has no other way: messages are hidden for the moment, their
    receives count one more, and the order is SQS's. A queue that buries by its receives is refused.
    """
    meant = Meant(read_filters(filters or []))
    with closing(open_shelf(queue, data=data, aws=aws)) as shelf:
        refuse_costly(shelf)
        found = list(_found(shelf, meant, max(limit, SUMMARY)))
        now = shelf.about.now
    first = found[: max(limit, 0)]
    show([shown(letter, now) for letter in first], lambda: _words(first, found, now), as_json=json)


def refuse_costly(shelf: Shelf) -> None:
    """Raise `OperatorError` when a look would bring messages nearer to their end."""
    if shelf.about.costly:
        raise OperatorError(
            f"looking into {shelf.about.name} would use up its messages' attempts: SQS counts each look",
            fix="look into its dead letters instead",
            code="look_costs",
        )


def _found(shelf: Shelf, meant: Meant, enough: int) -> Iterator[Letter]:
    count = 0
    for portion in iter(lambda: shelf.next(100), []):
        for letter in filter(meant, portion):
            count += 1
            if count > enough:
                return
            yield letter


def _words(first: list[Letter], found: list[Letter], now: datetime) -> str:
    if not found:
        return "nothing is in it"
    texts = [_one(letter, now) for letter in first]
    if len(found) > 1:
        summary = table(reasons(found), ("COUNT", "WHY"))
        texts.append(f"{summary}\n{len(first)} of {_count(found)} shown")
    return "\n\n".join(texts)


def _count(found: list[Letter]) -> str:
    return f"{SUMMARY} and more" if len(found) >= SUMMARY else str(len(found))


def _one(letter: Letter, now: datetime) -> str:
    head = (
        f"{letter.id}  sent {letter.sent_at:%Y-%m-%dT%H:%M:%S}Z ({length(now - letter.sent_at)} ago)"
        f"  received {letter.receives} times"
    )
    lines = [head]
    if letter.state != "visible":
        lines[0] += f"  {letter.state}"
    if letter.origin:
        lines.append(f"  from: {safe(letter.origin)}")
    lines += [
        f"  {safe(name)}: {safe(str(value.get('StringValue', '(bytes)')))}"
        for name, value in letter.attributes.items()
    ]
    reason = why(letter)
    if reason:
        lines.append(f"  why: {safe(reason)}")
    body = msgspec.json.format(msgspec.json.encode(content(letter)), indent=2).decode()
    return "\n".join([*lines, safe(body)])
