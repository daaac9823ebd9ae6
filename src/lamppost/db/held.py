"""A connection the pool owns, and how it tells a live one from one that died while nobody looked."""

import os
import random
import select
import socket
import time
from typing import Any

import psycopg
from psycopg import pq

from lamppost.db.connect import Connection

# Past this, a router may have forgotten the connection without telling either end.
ASKED_SECONDS = 30.0
ANSWER_SECONDS = 2.0


class Held:
    """One connection: when it was opened, when last used, and whether its work was stopped."""

    __slots__ = ("_clock", "_ticks", "connection", "expires", "stopped")

    def __init__(self, connection: Connection, age: float) -> None:
        self.connection = connection
        # Ten percent of jitter, so that connections opened together do not leave together.
        self.expires = time.monotonic() + age * random.uniform(0.9, 1.1)
        self.stopped = False
        self.used()

    def used(self) -> None:
        """It worked just now."""
        self._ticks = time.monotonic()
        self._clock = time.time()

    def unused(self) -> float:
        """Seconds since it was last used. Freezing may stop the monotonic clock, so the wall's counts too."""
        return max(time.monotonic() - self._ticks, time.time() - self._clock)

    def alive(self) -> bool:
        """Whether the server is still there. Asks the socket (1 µs), and after thirty seconds the server."""
        if self.stopped or self.connection.closed:
            return False
        # An idle server says nothing: bytes are a farewell, or a notice that is not worth a risk.
        if readable(self.connection.fileno(), 0):
            return False
        return self.unused() < ASKED_SECONDS or answers(self.connection.pgconn, ANSWER_SECONDS)

    def clean(self) -> bool:
        """Whether it came back ready for the next borrower, its transaction over."""
        return (
            not self.stopped
            and not self.connection.closed
            and self.connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
            and self.connection.pgconn.pipeline_status == pq.PipelineStatus.OFF
        )

    def close(self) -> None:
        """End the session. Never raises, never waits for the server."""
        self.connection.close()

    def mark_stopped(self) -> None:
        """From now on it is nobody's: it ends when it is given back."""
        self.stopped = True

    def stop(self, wait: float) -> None:
        """Stop what another thread runs on it, and make sure that it never commits.

        The cancel ends a statement that would commit by itself; the shutdown ends the session, so
        that no COMMIT can follow.
        """
        try:
            self.connection.cancel_safe(timeout=wait)
        except psycopg.Error:
            # The server is gone, or the statement just ended: the shutdown settles both.
            pass
        shut(self.connection)


def shut(connection: psycopg.Connection[Any]) -> None:
    """Hang up without a word; the thread that waits on this connection wakes with an error."""
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        # It was hung up already.
        pass


def readable(descriptor: int, wait: float) -> bool:
    """Whether the socket has bytes, or an end, within `wait` seconds."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLPRI)
    return bool(poll.poll(wait * 1000))


def answers(pgconn: "pq.abc.PGconn", wait: float) -> bool:
    """Whether the server answers `select 1` within `wait` seconds; `execute` would wait for ever."""
    deadline = time.monotonic() + wait
    try:
        pgconn.send_query(b"select 1")
        while True:
            pgconn.flush()
            while pgconn.is_busy():
                left = deadline - time.monotonic()
                if left <= 0 or not readable(pgconn.socket, left):
                    return False
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:
                return pgconn.transaction_status == pq.TransactionStatus.IDLE
            if result.status != pq.ExecStatus.TUPLES_OK:
                return False
    except psycopg.Error:
        return False
