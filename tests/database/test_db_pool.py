"""The pool over a real PostgreSQL."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import psycopg
import pytest

from lamppost.db import faults, pool
from lamppost.db.bounds import Bounds, bounds
from lamppost.db.pool import Pool, close_pool, get_pool, warm_up
from lamppost.errors import OperatorError
from lamppost.observe.log import Log
from tests.database.db_server import direct, listening, restart, running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("postgres")) as cluster:
        with psycopg.connect(cluster.dsn("app", user="app", password="first")) as owner:
            owner.execute("create table kept (id int primary key)")
        yield cluster


@pytest.fixture
def lines():
    return []


@pytest.fixture
def lend(server, monkeypatch, tmp_path, lines):
    """Makes pools that lead to the server, and closes them."""
    monkeypatch.chdir(tmp_path)
    for name in ("DB_SECRET_NAME", "DB_SECRET_ARN", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in direct(server).items():
        monkeypatch.setenv(name, value)
    with psycopg.connect(server.dsn("app"), autocommit=True) as admin:
        admin.execute("truncate kept")
    made = []

    def make(**changes):
        one = Pool(Bounds(**{"most": 2, "wait": 5.0, **changes}), Log(level=10, write=lines.append))
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()
    close_pool()


@pytest.fixture
def admin(server):
    with psycopg.connect(server.dsn("app"), autocommit=True) as connection:
        yield connection


def backend(connection):
    return connection.info.backend_pid


def sessions(admin, name="lamppost"):
    found = admin.execute(
        "select count(*) from pg_stat_activity where application_name = %s", (name,)
    ).fetchone()
    return found[0]


def test_a_pool_that_was_never_warmed_up_answers(lend):
    assert lend().query("select 1 as one") == [{"one": 1}]


def test_the_process_has_one_pool_and_a_new_one_after_closing(lend):
    first = get_pool()
    warm_up()
    assert get_pool() is first
    close_pool()
    close_pool()
    assert get_pool() is not first
    assert get_pool().query("select 1 as one") == [{"one": 1}]


def test_a_transaction_commits_at_its_end_and_rolls_back_when_it_raises(lend):
    one = lend()
    with one.transaction() as connection:
        connection.execute("insert into kept values (1)")
    with pytest.raises(ZeroDivisionError), one.transaction() as connection:
        connection.execute("insert into kept values (2)")
        raise ZeroDivisionError
    assert one.query("select id from kept") == [{"id": 1}]


def test_a_statement_outside_a_transaction_commits_by_itself(lend, admin):
    with lend().connection() as connection:
        connection.execute("insert into kept values (3)")
        assert admin.execute("select count(*) from kept").fetchone() == (1,)


def test_sessions_are_in_utc_bounded_and_named_after_the_function(lend):
    (row,) = lend(name="barkbase-dev-backend", statement_ms=1234, lock_ms=99, transaction_idle_ms=77).query(
        "select current_setting('TimeZone') as zone, current_setting('statement_timeout') as statement,"
        " current_setting('lock_timeout') as lock, current_setting('application_name') as name,"
        " current_setting('idle_in_transaction_session_timeout') as idle"
    )
    assert row == {
        "zone": "UTC",
        "statement": "1234ms",
        "lock": "99ms",
        "name": "barkbase-dev-backend",
        "idle": "77ms",
    }


def test_behind_rds_proxy_a_session_starts_without_settings_and_prepares_nothing(lend, admin):
    one = lend(proxy=True)
    with one.connection() as connection:
        for _ in range(10):
            connection.execute("select %s::int", (1,))
        assert connection.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)
        (server_side,) = admin.execute("show statement_timeout").fetchone()
        assert connection.execute("show statement_timeout").fetchone() == (server_side,)


def test_thirty_threads_share_three_connections(lend, admin):
    one = lend(most=3, name="crowd")
    most, done = [], []
    start = threading.Barrier(31)

    def work(number):
        start.wait()
        for _ in range(5):
            with one.connection() as connection:
                connection.execute("select pg_sleep(0.002)")
            done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    start.wait()
    while any(thread.is_alive() for thread in threads):
        most.append(sessions(admin, "crowd"))
    assert len(done) == 150
    assert max(most) <= 3


def test_who_waits_may_open_a_connection_when_the_lent_one_comes_back_broken(lend, admin):
    one = lend(most=1, wait=20.0)
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(one.query("select 1 as one")))
    with one.connection() as connection:
        thread.start()
        while not one._slots._waiting:
            threading.Event().wait(0.001)
        connection.close()
    thread.join(10)
    assert answers == [{"one": 1}]


def test_a_thread_that_runs_hot_lets_the_one_that_waits_go_first(lend):
    one = lend(most=1)
    waiting, served = threading.Event(), threading.Event()

    def patient():
        waiting.set()
        with one.connection():
            served.set()

    thread = threading.Thread(target=patient)
    with one.connection():
        thread.start()
        waiting.wait()
        while not one._slots._waiting:
            threading.Event().wait(0.001)
    with one.connection():
        assert served.is_set()
    thread.join()


def test_when_all_connections_stay_in_use_the_wait_ends_with_an_error(lend):
    one = lend(most=1, wait=0.05)
    with one.connection(), pytest.raises(faults.PoolTimeout) as late, one.connection():
        pass
    assert faults.unavailable(late.value) == "pool_exhausted"
    assert one.query("select 1 as one") == [{"one": 1}]


def test_a_connection_whose_backend_was_terminated_is_replaced_without_a_word(lend, admin, lines):
    one = lend()
    with one.connection() as connection:
        pid = backend(connection)
    admin.execute("select pg_terminate_backend(%s, 5000)", (pid,))
    assert one.query("select 1 as one") == [{"one": 1}]
    assert "[DB-LAYER] connection.replaced" in [json.loads(line)["message"] for line in lines]


def test_a_backend_terminated_under_a_statement_is_told_as_unavailable_and_leaves_no_trace(lend, admin):
    one = lend()
    with pytest.raises(psycopg.Error) as lost, one.transaction() as connection:
        connection.execute("insert into kept values (4)")
        admin.execute("select pg_terminate_backend(%s, 5000)", (backend(connection),))
        connection.execute("select 1")
    assert faults.unavailable(lost.value) in ("server_shutting_down", "connection_lost")
    assert one.query("select id from kept") == []


def test_a_restarted_server_is_found_again(lend, server):
    one = lend()
    assert one.query("select 1 as one")
    restart(server)
    assert one.query("select 1 as one") == [{"one": 1}]


def test_a_connection_unused_for_long_is_asked_and_one_that_does_not_answer_replaced(
    lend, server, monkeypatch
):
    silent = threading.Event()

    def front(line):
        import socket

        with socket.create_connection(("127.0.0.1", server.port)) as back:

            def forward(source, target):
                with contextlib.suppress(OSError):
                    while data := source.recv(65536):
                        if not silent.is_set():
                            target.sendall(data)

            threading.Thread(target=forward, args=(back, line), daemon=True).start()
            forward(line, back)

    with listening(front) as port:
        monkeypatch.setenv("DB_PORT", str(port))
        one = lend()
        with one.connection() as connection:
            first = backend(connection)
        monkeypatch.setattr(pool.Held, "unused", lambda _: 31.0)
        with one.connection() as connection:
            assert backend(connection) == first
        silent.set()
        monkeypatch.setattr("lamppost.db.held.ANSWER_SECONDS", 0.05)
        monkeypatch.setenv("DB_PORT", str(server.port))
        with one.connection() as connection:
            assert backend(connection) != first


def test_surplus_connections_leave_after_the_idle_time_and_the_newest_stays(lend, admin, monkeypatch):
    one = lend(name="surplus", idle=30.0)
    with one.connection(), one.connection():
        assert sessions(admin, "surplus") == 2
    monkeypatch.setattr(pool.Held, "unused", lambda _: 31.0)
    with one.connection():
        assert one._slots._open == 1


def test_a_connection_past_its_age_is_replaced(lend):
    one = lend(age=0.0)
    with one.connection() as connection:
        first = backend(connection)
    with one.connection() as connection:
        assert backend(connection) != first


def test_a_connection_left_in_a_transaction_is_rolled_back_and_not_lent_again(lend, lines):
    one = lend()
    with one.connection() as connection:
        first = backend(connection)
        connection.execute("begin")
        connection.execute("insert into kept values (5)")
    with one.connection() as connection:
        assert backend(connection) != first
        assert connection.execute("select count(*) from kept").fetchone() == (0,)
    assert any("left_in_transaction" in line for line in lines)


def test_interrupt_stops_a_statement_and_its_transaction_never_commits(lend, admin):
    one = lend(name="stopped")
    asleep, ended = threading.Event(), []

    def work():
        try:
            with one.transaction() as connection:
                connection.execute("insert into kept values (6)")
                asleep.set()
                connection.execute("select pg_sleep(60)")
        except OperatorError as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    asleep.wait()
    while not admin.execute(
        "select 1 from pg_stat_activity where query like 'select pg_sleep(60%'"
        " and state = 'active' and application_name = 'stopped'"
    ).fetchone():
        pass
    one.interrupt()
    thread.join(10)
    assert [type(error) for error in ended] == [faults.Interrupted]
    assert faults.interrupted(ended[0])
    assert one.query("select id from kept") == []


def test_interrupt_between_two_statements_forbids_the_commit(lend):
    one = lend()
    with pytest.raises(faults.Interrupted), one.transaction() as connection:
        connection.execute("insert into kept values (7)")
        one.interrupt()
    assert one.query("select id from kept") == []


def test_after_interrupt_a_commit_by_hand_is_too_late(lend):
    one = lend()
    with pytest.raises(faults.Interrupted), one.connection() as connection:
        connection.execute("begin")
        connection.execute("insert into kept values (9)")
        one.interrupt()
        connection.execute("commit")
    assert one.query("select id from kept") == []


def test_interrupt_ends_a_statement_that_would_commit_by_itself(lend, admin):
    one = lend(name="alone")
    ended = []

    def work():
        try:
            one.query("insert into kept select 8 from pg_sleep(60)")
        except OperatorError as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not admin.execute(
        "select 1 from pg_stat_activity where wait_event = 'PgSleep' and application_name = 'alone'"
    ).fetchone():
        pass
    one.interrupt()
    thread.join(10)
    while sessions(admin, "alone"):
        pass
    assert len(ended) == 1
    assert one.query("select id from kept") == []


def test_interrupt_turns_away_those_who_wait(lend):
    one = lend(most=1, wait=60.0)
    ended = []

    def work():
        try:
            one.query("select 1")
        except OperatorError as error:
            ended.append(type(error))

    thread = threading.Thread(target=work)
    with one.connection():
        thread.start()
        while not one._slots._waiting:
            threading.Event().wait(0.001)
        one.interrupt()
        thread.join(10)
    assert ended == [faults.Interrupted]


def test_a_forked_child_has_connections_of_its_own_and_leaves_the_parents_alone(lend):
    one = lend()
    with one.connection() as connection:
        mine = backend(connection)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with one.connection() as connection:
                os.write(writer, str(backend(connection)).encode())
            one.close()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        theirs = int(told.read())
    os.waitpid(child, 0)
    assert theirs != mine
    with one.connection() as connection:
        assert backend(connection) == mine
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_child_forked_while_a_thread_holds_the_lock_does_not_hang(lend):
    one = lend()
    one.query("select 1")
    with one._slots.lock:
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            try:
                os._exit(0 if one.query("select 1 as one") == [{"one": 1}] else 1)
            finally:
                os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


FROZEN = """
import sys
from lamppost.db.pool import get_pool
for _ in sys.stdin:
    print(get_pool().query("select pg_backend_pid() as pid")[0]["pid"], flush=True)
"""


def test_a_process_frozen_while_the_server_restarted_answers_when_it_thaws(lend, server):
    environment = {**os.environ, "LOG_LEVEL": "off"}
    with subprocess.Popen(
        [sys.executable, "-c", FROZEN],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def ask():
            process.stdin.write("\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        before = ask()
        assert ask() == before
        process.send_signal(signal.SIGSTOP)
        restart(server)
        process.send_signal(signal.SIGCONT)
        assert ask() != before
        process.stdin.close()
        assert process.wait(20) == 0


def test_a_server_that_is_down_is_refused_quickly_and_found_when_it_is_back(lend, monkeypatch, server):
    one = lend()
    monkeypatch.setenv("DB_PORT", "1")
    with pytest.raises(faults.CannotConnect) as down:
        one.warm_up()
    assert (down.value.reason, faults.unavailable(down.value)) == ("connection_refused", "connection_refused")
    monkeypatch.setenv("DB_PORT", str(server.port))
    one.warm_up()


def test_a_full_server_is_told_as_too_many_connections(lend, server, admin):
    admin.execute("alter role app connection limit 1")
    try:
        one = lend()
        with one.connection(), pytest.raises(faults.CannotConnect) as full, one.connection():
            pass
        assert full.value.reason == "too_many_connections"
    finally:
        admin.execute("alter role app connection limit -1")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DB_PASSWORD", "hunter2", "authentication_failed"),
        ("DB_USER", "nobody", "authentication_failed"),
        ("DB_NAME", "nowhere", "database_unknown"),
        ("DB_HOST", "nohost.invalid", "host_unknown"),
    ],
)
def test_each_refusal_has_its_reason_and_no_line_holds_the_password(
    lend, monkeypatch, lines, name, value, reason
):
    monkeypatch.setenv(name, value)
    with pytest.raises(faults.CannotConnect) as refused:
        lend().query("select 1")
    assert refused.value.reason == reason
    told = "".join(lines) + str(refused.value)
    assert "hunter2" not in told
    assert "first" not in told


def test_a_statement_past_its_time_counts_as_interrupted(lend):
    one = lend(statement_ms=20)
    with pytest.raises(psycopg.Error) as slow:
        one.query("select pg_sleep(60)")
    assert faults.interrupted(slow.value)
    assert faults.unavailable(slow.value) is None


def test_a_closed_pool_lends_nothing_and_what_was_lent_ends_when_it_comes_back(lend, admin):
    one = lend(name="closing")
    with one.connection() as connection:
        one.close()
        assert connection.execute("select 1").fetchone() == (1,)
    assert connection.closed
    with pytest.raises(OperatorError) as closed, one.connection():
        pass
    assert closed.value.code == "pool_closed"


def test_three_connections_on_lambda_and_ten_on_one_machine(monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "bday-api")
    monkeypatch.setenv("LAMPPOST_STAGE", "prod")
    assert bounds({}).most == 3
    monkeypatch.setenv("LAMPPOST_STAGE", "local")
    assert bounds({}).most == 10
    assert bounds({"DB_POOL_MAX": "4", "DB_IDLE_TIMEOUT": "1500"}).idle == 1.5


@pytest.mark.parametrize("value", ["0", "-1", "ten", "1.5"])
def test_a_pool_size_that_is_none_is_refused_by_name(value):
    with pytest.raises(OperatorError, match="DB_POOL_MAX"):
        bounds({"DB_POOL_MAX": value})
