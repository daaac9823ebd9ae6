"""A message that comes twice, at once, late or after a crash has its effect once."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from lamppost.delivery import receive
from lamppost.errors import AuthorError, CallerError
from lamppost.testing.plugin import MakeDatabase
from tests.running import until

WAITING = """
select count(*) from pg_locks join pg_stat_activity using (pid)
 where not granted and datname = current_database()
"""


class Till:
    """A database with one table; whoever is paid, is paid by the app's role."""

    def __init__(self, made: Any) -> None:
        self.app = made.app
        self.admin = made.connect(admin=True)
        self.admin.execute("create table public.paid (id text)")
        self.admin.execute("grant select, insert on public.paid to public")

    def connect(self, *, autocommit: bool = False) -> "psycopg.Connection[Any]":
        return psycopg.connect(self.app, autocommit=autocommit)

    def pay(self, message: str = "msg_1", consumer: str = "till") -> bool:
        """Handle a message as a receiver does; whether it was new."""
        with self.connect() as db, receive.once(db, message, consumer=consumer) as first:
            if first:
                db.execute("insert into public.paid values (%s)", (message,))
            return first

    def paid(self) -> list[str]:
        return [row[0] for row in self.admin.execute("select id from public.paid").fetchall()]

    def time_passes(self, by: timedelta) -> None:
        self.admin.execute("update lamppost.received set expires_at = expires_at - %s", (by,))


@pytest.fixture
def till(database: MakeDatabase) -> Till:
    return Till(database())


def test_a_repeat_does_nothing(till: Till) -> None:
    assert [till.pay(), till.pay(), till.pay()] == [True, False, False]
    assert till.paid() == ["msg_1"]


def test_two_that_handle_the_same_message_do_so_once_each(till: Till) -> None:
    assert [till.pay(consumer="till"), till.pay(consumer="mailer"), till.pay(consumer="mailer")] == [
        True, True, False,
    ]  # fmt: skip


def test_what_failed_is_new_when_it_comes_again(till: Till) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        till.connect() as db,
        receive.once(db, "msg_1", consumer="till") as first,
    ):
        assert first
        db.execute("insert into public.paid values ('msg_1')")
        raise ZeroDivisionError
    assert till.paid() == []
    assert till.pay()


def test_a_message_handled_inside_a_larger_transaction_goes_with_it(till: Till) -> None:
    with till.connect(autocommit=True) as db, pytest.raises(ZeroDivisionError), db.transaction():
        with receive.once(db, "msg_1", consumer="till") as first:
            assert first
        raise ZeroDivisionError
    assert till.pay()


def test_outside_a_transaction_it_is_refused_since_the_effect_could_be_lost(till: Till) -> None:
    with till.connect(autocommit=True) as db:
        with pytest.raises(AuthorError) as caught:
            receive.first(db, "msg_1", consumer="till")
        assert caught.value.code == "webhook_outside_transaction"
        with db.transaction():
            assert receive.first(db, "msg_1", consumer="till")


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_who_comes_meanwhile_waits_and_sees_how_it_ended(till: Till, ending: str) -> None:
    seen: list[bool] = []
    with till.connect() as db:
        assert receive.first(db, "msg_1", consumer="till")
        second = threading.Thread(target=lambda: seen.append(till.pay()))
        second.start()
        until(lambda: till.admin.execute(WAITING).fetchone() == (1,))
        db.commit() if ending == "commit" else db.rollback()
        second.join()
    assert seen == [ending == "rollback"]


def test_who_waits_too_long_is_told_to_come_again(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "PATIENCE", "50ms")
    with till.connect() as db:
        assert receive.first(db, "msg_1", consumer="till")
        with pytest.raises(CallerError) as caught:
            till.pay()
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (
        503,
        "webhook_in_progress",
        2,
    )


def test_sixteen_at_once_are_one(till: Till) -> None:
    seen: list[bool] = []
    threads = [threading.Thread(target=lambda: seen.append(till.pay())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [False] * 15 + [True]
    assert till.paid() == ["msg_1"]


DYING = """
import os, signal, sys
import psycopg
from lamppost.delivery import receive
with psycopg.connect(sys.argv[1]) as db:
    with receive.once(db, "msg_1", consumer="till") as first:
        db.execute("insert into public.paid values ('msg_1')")
        if sys.argv[2] == "before the commit":
            os.kill(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["before the commit", "before the answer"])
def test_a_receiver_that_dies_has_done_all_or_nothing(till: Till, moment: str) -> None:
    done = subprocess.run([sys.executable, "-c", DYING, till.app, moment], check=False)
    assert done.returncode == -signal.SIGKILL
    assert till.pay() is (moment == "before the commit")
    assert till.paid() == ["msg_1"]


def test_a_note_is_kept_for_as_long_as_senders_repeat(till: Till) -> None:
    till.pay()
    till.time_passes(receive.KEEP - timedelta(minutes=1))
    assert not till.pay()
    till.time_passes(timedelta(minutes=2))
    assert till.pay()


def test_old_notes_go_and_young_ones_stay(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "SWEEP_EVERY", 1)
    for number in range(5):
        till.pay(f"msg_{number}")
    till.time_passes(receive.KEEP)
    till.pay("msg_new")
    assert till.admin.execute("select array_agg(id) from lamppost.received").fetchone() == (["msg_new"],)


def test_no_receiver_can_forget_a_message_or_read_what_others_got(till: Till) -> None:
    till.pay()
    with till.connect(autocommit=True) as db:
        for statement in ("select * from lamppost.received", "delete from lamppost.received"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(statement)


@pytest.mark.parametrize(
    "message", ["", "x" * 100_000, "'; drop table lamppost.received; --", "%s", "é" * 300]
)
def test_an_id_is_data_whatever_it_is(till: Till, message: str) -> None:
    assert [till.pay(message), till.pay(message)] == [True, False]


@pytest.mark.parametrize("consumer", ["", "x" * 201])
def test_who_handles_a_message_has_a_name(till: Till, consumer: str) -> None:
    with pytest.raises(AuthorError, match="consumer="):
        till.pay(consumer=consumer)


@pytest.fixture
def bare(empty: Any) -> Iterator[Callable[[], "psycopg.Connection[Any]"]]:
    """A database that Lamppost never migrated."""
    yield lambda: psycopg.connect(empty.admin, autocommit=True)


def test_a_database_of_ones_own_gets_the_table_once(bare: Callable[[], Any]) -> None:
    def install() -> None:
        with bare() as db:
            receive.install(db)

    together = [threading.Thread(target=install) for _ in range(4)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    with bare() as db:
        receive.install(db)
        seen = []
        for _ in range(2):
            with receive.once(db, "msg_1", consumer="till") as first:
                seen.append(first)
    assert seen == [True, False]
