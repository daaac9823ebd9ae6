"""`lamppost queue purge`: messages that nobody wants, gone for good."""

import sys
from contextlib import closing
from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.output import safe, show
from lamppost.cli.periods import Period, read_period
from lamppost.cli.queue.filters import Meant, read_filters
from lamppost.cli.queue.letters import Letter
from lamppost.cli.queue.peek import refuse_costly
from lamppost.cli.queue.shelf import Aws, Filters, QueueName, Shelf, open_shelf
from lamppost.cli.running import DEFAULT_DATA, Data, Json
from lamppost.errors import OperatorError

PORTION = 100


def purge(
    queue: QueueName,
    *,
    filters: Filters = None,
    older_than: Annotated[
        Period | None, Parameter(help="Only messages sent longer ago than this: 90s, 15m, 36h, 2d.")
    ] = None,
    yes: Annotated[bool, Parameter(negative=(), help="Do not ask.")] = False,
    aws: Aws = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Drop messages for good. Says how many and asks first.

    With nobody to ask and without --yes it drops nothing and exits 1. With filters exactly
    the messages counted are dropped, so what comes meanwhile stays.
    """
    read, age = read_filters(filters or []), read_period(older_than) if older_than else None
    with closing(open_shelf(queue, data=data, aws=aws)) as shelf:
        meant = Meant(read, before=shelf.about.now - age if age is not None else None)
        letters = None if meant.everything else _walk(shelf, meant)
        count = shelf.about.messages if letters is None else len(letters)
        if count == 0:
            dropped = 0
        elif yes or _agreed(count, shelf.about.name):
            dropped = shelf.drop_all() if letters is None else _drop(shelf, letters)
        else:
            show({"queue": shelf.about.name, "dropped": 0}, lambda: "nothing was dropped", as_json=json)
            return 1
        name = shelf.about.name
    show({"queue": name, "dropped": dropped}, lambda: f"dropped {dropped} from {safe(name)}", as_json=json)
    return 0


def _walk(shelf: Shelf, meant: Meant) -> list[Letter]:
    refuse_costly(shelf)
    return [letter for portion in iter(lambda: shelf.next(PORTION), []) for letter in filter(meant, portion)]


def _drop(shelf: Shelf, letters: list[Letter]) -> int:
    return sum(shelf.drop(letters[at : at + PORTION]) for at in range(0, len(letters), PORTION))


def _agreed(count: int, name: str) -> bool:
    if not sys.stdin.isatty():
        raise OperatorError(
            f"this would drop {count} of {name} for good", fix="say so: --yes", code="not_confirmed"
        )
    sys.stderr.write(f"Drop {count} of {safe(name)} for good? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
