"""`lamppost migrate apply`: bring every database to the state of the files."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.migrate.targets import Folder, Late, Postgres, Soak, connected, soak_of, targets
from lamppost.cli.migrate.verdict import Tally
from lamppost.cli.output import say_error, wants_json
from lamppost.cli.running import DEFAULT_DATA, Data, Json
from lamppost.errors import LamppostError, OperatorError

Events = Annotated[
    bool, Parameter(name="--events", negative=(), help="Also print each event as a line of JSON on stderr.")
]
INTERRUPTED = OperatorError(
    "interrupted: the statement was cancelled, its transaction rolled back, the lock released",
    fix="run it again: it goes on where it stopped",
    code="interrupted",
)


def apply(
    folder: Folder = None,
    /,
    *,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    allow_late: Late = False,
    soak: Soak = None,
    events: Events = False,
    json: Json = False,
) -> int:
    """Bring every database to the state of the files. Safe to run at any time and more than once.

    The last line is the verdict; as JSON it stands in the one object on stdout, failed or not.
    """
    from lamppost.migrate.apply import apply as apply_to

    tally = Tally(words=not wants_json(json), events=events)
    code = 0
    try:
        with _ended_like_ctrl_c():
            for target in targets(folder, data, postgres):
                tally.database = target.database
                with connected(target):
                    pass
                outcome = apply_to(
                    target.conninfo,
                    target.bundle,
                    role=target.role,
                    report=tally.hear,
                    allow_late=allow_late,
                    soak=soak_of(soak, postgres),
                )
                tally.add(outcome)
    except LamppostError as error:
        say_error(error)
        tally.error, code = error, 1
    except KeyboardInterrupt:
        tally.error, code = INTERRUPTED, 130
    tally.show(json)
    return code


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does: the statement is cancelled first, and nothing of it stays."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
