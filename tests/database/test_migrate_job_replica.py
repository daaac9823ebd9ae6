"""A job beside a replica: how far the replica is behind decides whether the next batch begins."""

import select
import struct
import threading
from collections.abc import Callable
from typing import Any

import psycopg

from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle
from lamppost.migrate.jobs import signals
from lamppost.migrate.jobs.batch import Manner
from lamppost.migrate.jobs.events import Throttled, Unthrottled
from lamppost.migrate.jobs.run import run_job

Files = Callable[..., Bundle]


class Replica:
    """What the server takes for a replica: it receives the log, and while it `follows` calls it replayed."""

    def __init__(self, admin: str) -> None:
        self.follows = True
        self._link = psycopg.connect(f"{admin}?replication=true", autocommit=True)
        with psycopg.connect(admin) as asking:
            row = asking.execute("select pg_current_wal_lsn()").fetchone()
        assert row is not None
        high, low = row[0].split("/")
        self._received = int(high, 16) << 32 | int(low, 16)
        self._link.pgconn.exec_(f"START_REPLICATION PHYSICAL {row[0]}".encode())
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._receive)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._link.close()

    def _receive(self) -> None:
        link = self._link.pgconn
        watch = select.poll()
        watch.register(link.socket, select.POLLIN)
        while not self._over.is_set():
            if watch.poll(50):
                link.consume_input()
            while (got := link.get_copy_data(1))[0] > 0:
                message = bytes(got[1])
                if message[:1] == b"w":
                    self._received = int.from_bytes(message[1:9]) + len(message) - 25
            if self.follows:
                at = self._received
                link.put_copy_data(b"r" + struct.pack("!QQQqB", at, at, at, 0, 0))
                link.flush()


def test_a_replica_that_falls_behind_holds_the_job_up_until_it_has_caught_up(
    empty: Any, files: Files
) -> None:
    make = (
        "create table shop.things (id int primary key, touched int not null default 0, note text);"
        " insert into shop.things select i, 0, repeat('x', 200) from generate_series(1, 20000) as i"
    )
    apply(empty.admin, files(things=make), role=empty.role)
    bundle = files(
        job="-- lamppost: job shop.things by id\n"
        "update shop.things set touched = touched + 1 where id between $1 and $2"
    )
    replica = Replica(empty.admin)
    with psycopg.connect(empty.admin, autocommit=True) as writer:
        while not writer.execute("select from pg_stat_replication where replay_lsn is not null").fetchall():
            pass
        replica.follows = False
        writer.execute("update shop.things set touched = touched")
    heard: list[Any] = []

    def hear(event: Any) -> None:
        if isinstance(event, Throttled | Unthrottled):
            heard.append(event)
        if isinstance(event, Throttled):
            replica.follows = True

    manner = Manner(batch=1000, limits=signals.limits({"replica-behind": 1.0, "replica-lag": None}))
    ended = run_job(
        empty.admin, bundle, bundle.migrations[-1].name, role=empty.role, report=hear, manner=manner
    )
    replica.close()
    assert ended.state == "done"
    assert [type(event) for event in heard] == [Throttled, Unthrottled]
    assert "MB behind" in heard[0].text
