"""Deleting what expired, a little now and then, and never while a caller waits for it."""

import threading
from typing import LiteralString

from lamppost.errors import OperatorError
from lamppost.observe.log import Log


def leave_behind(statement: LiteralString, rows: int) -> threading.Thread:
    """Run a sweep (`select lamppost.…_sweep(%s)`) on a thread of its own; nobody waits for it.

    A sandbox that freezes freezes the thread: the statement commits by itself on the server meanwhile.
    """
    thread = threading.Thread(target=sweep, args=(statement, rows), name="sweep", daemon=True)
    thread.start()
    return thread


def sweep(statement: LiteralString, rows: int) -> int:
    """Delete up to `rows` expired rows now; how many. A failure is logged: the next one will do it."""
    import psycopg

    from lamppost.db.pool import get_pool

    try:
        with get_pool().connection() as db:
            row = db.execute(statement, (rows,)).fetchone()
    except (psycopg.Error, OperatorError) as error:
        Log().warning("sweep.failed", error=str(error).partition("\n")[0])
        return 0
    return int(row[0]) if row else 0
