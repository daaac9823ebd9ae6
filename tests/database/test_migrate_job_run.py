"""One runner per job, its order among the files, pauses, throttling, and small jobs that go along."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle
from lamppost.migrate.jobs import signals, state
from lamppost.migrate.jobs.batch import Manner
from lamppost.migrate.jobs.events import Batch, Throttled, Unseen, Unthrottled
from lamppost.migrate.jobs.run import JobOutcome, all_jobs, open_jobs, run_job

Files = Callable[..., Bundle]
MAKE = (
    "create table shop.things (id int primary key, touched int not null default 0);"
    " insert into shop.things select generate_series(1, {rows})"
)
JOB = (
    "-- lamppost: job shop.things by id\n"
    "update shop.things set touched = touched + 1 where id between $1 and $2"
)
INDEX = "-- lamppost: job\ncreate index concurrently things_touched on shop.things (touched)"
FAST = Manner(batch=10, target=1e-9, limits=None)


def ask(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def prepared(empty: Any, files: Files, rows: int = 100, job: str = JOB, **more: str) -> Bundle:
    apply(empty.admin, files(things=MAKE.format(rows=rows)), role=empty.role)
    return files(job=job, **more)


def name_of(bundle: Bundle, about: str = "job") -> str:
    return next(one.name for one in bundle.migrations if one.name.endswith(f"__{about}.sql"))


def run(empty: Any, bundle: Bundle, about: str = "job", **how: Any) -> JobOutcome:
    how = {"manner": FAST, "role": empty.role, **how}
    return run_job(empty.admin, bundle, name_of(bundle, about), **how)


def touched(empty: Any) -> list[tuple[int, int]]:
    return ask(empty.admin, "select touched, count(*)::int from shop.things group by 1 order by 1")


def standing(empty: Any, bundle: Bundle) -> list[str]:
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        return [job.state for job in all_jobs(connection, bundle)]


class After:
    """Stops a job, or does something else, behind so many batches."""

    def __init__(self, batches: int, then: Callable[[], object] = lambda: None) -> None:
        self.left = batches
        self.then = then
        self.heard: list[Any] = []

    def hear(self, event: Any) -> None:
        self.heard.append(event)
        if isinstance(event, Batch):
            self.left -= 1
            if self.left == 0:
                self.then()

    def came(self) -> bool:
        return self.left <= 0


@contextmanager
def in_thread(work: Callable[[], object]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    thread.join()


def test_a_job_that_was_stopped_goes_on_behind_its_last_batch(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files)
    after = After(2)
    stopped = run(empty, bundle, report=after.hear, stop=after.came)
    assert (stopped.state, stopped.rows_done, standing(empty, bundle)) == ("stopped", 12, ["interrupted"])
    assert run(empty, bundle).state == "done"
    assert (touched(empty), standing(empty, bundle)) == ([(1, 100)], ["done"])


def test_a_finished_job_has_nothing_to_do(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files)
    first, second = run(empty, bundle), run(empty, bundle)
    assert first == second
    assert touched(empty) == [(1, 100)]


def test_a_second_runner_is_told_who_runs_the_job(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files)
    refused: list[OperatorError] = []

    def again() -> None:
        with pytest.raises(OperatorError) as caught:
            run(empty, bundle, lock_wait=0)
        refused.append(caught.value)

    run(empty, bundle, report=After(1, again).hear)
    assert (refused[0].code, "(lamppost migrate job)" in refused[0].what) == ("job_running", True)
    assert touched(empty) == [(1, 100)]


def test_two_jobs_run_beside_each_other_and_beside_a_deploy(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files, rows=20_000)

    def deploy() -> None:
        more = files(more="create table shop.more (id int)")
        assert apply(empty.admin, more, role=empty.role, lock_wait=0).applied == (name_of(more, "more"),)

    assert run(empty, bundle, report=After(1, deploy).hear, manner=Manner(limits=None)).state == "done"


def test_a_job_waits_for_the_files_and_jobs_before_it(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files, index=INDEX)
    with pytest.raises(OperatorError, match=r"comes after .*__job\.sql"):
        run(empty, bundle, "index")
    run(empty, bundle)
    assert run(empty, bundle, "index").state == "done"
    first = files(more="select 1", last=JOB)
    with pytest.raises(OperatorError, match=r"comes after .*__more\.sql") as refused:
        run(empty, first, "last")
    assert refused.value.code == "job_order"


def test_a_job_edited_while_in_progress_is_refused_with_both_hashes(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files)
    after = After(1)
    run(empty, bundle, report=after.hear, stop=after.came)
    edited = files(job=JOB.replace("+ 1", "+ 2"))
    with pytest.raises(AuthorError) as refused:
        run(empty, edited)
    assert refused.value.code == "migration_edited"
    hashes = [one.migrations[-1].sha256 for one in (bundle, edited)]
    assert all(one in refused.value.what for one in hashes)
    assert "job restart" in refused.value.fix


def test_a_job_edited_before_its_first_batch_counts_as_it_reads_now(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files)
    assert run(empty, bundle, stop=lambda: True).state == "stopped"
    edited = files(job=JOB.replace("+ 1", "+ 2"))
    assert run(empty, edited).state == "done"
    assert touched(empty) == [(2, 100)]
    assert apply(empty.admin, edited, role=empty.role).applied == ()


def test_a_pause_stops_the_runner_behind_its_batch_and_keeps_the_next_from_running(
    empty: Any, files: Files
) -> None:
    bundle = prepared(empty, files)

    def pause() -> None:
        with psycopg.connect(empty.admin, autocommit=True) as connection:
            assert state.pause(connection, name_of(bundle))

    paused = run(empty, bundle, report=After(2, pause).hear)
    assert (paused.state, standing(empty, bundle)) == ("paused", ["paused"])
    before = touched(empty)
    with pytest.raises(OperatorError) as refused:
        run(empty, bundle)
    assert (refused.value.code, "job resume" in refused.value.fix) == ("job_paused", True)
    assert apply(empty.admin, bundle, role=empty.role).jobs == (name_of(bundle),)
    assert touched(empty) == before
    assert run(empty, bundle, resume=True).state == "done"
    assert touched(empty) == [(1, 100)]


def test_who_meddles_with_the_checkpoint_costs_one_batch_and_no_row(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files)
    meddle = "update public.schema_jobs set last_key = '50'"
    with pytest.raises(OperatorError) as refused:
        run(empty, bundle, report=After(1, lambda: ask(empty.admin, meddle)).hear)
    assert refused.value.code == "job_lost"
    assert touched(empty) == [(0, 90), (1, 10)]


def test_a_job_waits_while_a_transaction_is_too_old_and_says_so(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files)
    old = psycopg.connect(empty.admin)
    old.execute("select pg_current_xact_id()")
    heard: list[Any] = []

    def hear(event: Any) -> None:
        heard.append(event)
        if isinstance(event, Throttled):
            old.rollback()

    limits = signals.limits(dict.fromkeys(signals.DEFAULTS) | {"old-transaction": 0.0})
    assert run(empty, bundle, report=hear, manner=Manner(limits=limits)).state == "done"
    old.close()
    kinds = [type(event) for event in heard]
    assert kinds.index(Throttled) < kinds.index(Unthrottled) < kinds.index(Batch)
    throttled = next(event for event in heard if isinstance(event, Throttled))
    assert (throttled.signal, throttled.limit) == ("old-transaction", 0.0)


def test_a_vacuum_of_the_table_keeps_the_job_off_until_it_is_over(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files, rows=50_000)
    ask(empty.admin, "update shop.things set touched = 0")
    with psycopg.connect(empty.admin, autocommit=True) as cleaner:
        cleaner.execute("set vacuum_cost_delay = 100; set vacuum_cost_limit = 1")
        pid = cleaner.info.backend_pid

        def hear(event: Any) -> None:
            if isinstance(event, Throttled):
                assert "vacuum works on shop.things" in event.text
                heard.append(event.signal)
                ask(empty.admin, f"select pg_cancel_backend({pid})")

        def clean() -> None:
            with pytest.raises(psycopg.errors.QueryCanceled):
                cleaner.execute("vacuum shop.things")

        heard: list[str] = []
        with in_thread(clean):
            while not ask(empty.admin, f"select 1 from pg_stat_progress_vacuum where pid = {pid}"):
                pass
            limits = signals.limits({})
            assert run(empty, bundle, report=hear, manner=Manner(limits=limits)).state == "done"
    assert heard == ["vacuum"]


def test_a_pause_reaches_a_job_that_waits(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files)
    seen: list[Any] = []

    def hear(event: Any) -> None:
        if isinstance(event, Throttled):
            ask(
                empty.admin,
                f"update public.schema_jobs set state = 'paused' where name = '{name_of(bundle)}'",
            )

    with psycopg.connect(empty.admin) as old:
        old.execute("select pg_current_xact_id()")
        limits = signals.limits({"old-transaction": 0.0})
        assert run(empty, bundle, report=hear, manner=Manner(limits=limits)).state == "paused"
        seen += ask(empty.admin, "select throttled_by from public.schema_jobs")
    assert "a transaction is open" in seen[0][0]
    assert touched(empty) == [(0, 100)]


def test_sessions_that_queue_for_locks_hold_the_job_up(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files)
    ask(empty.admin, "create table public.other (id int)")
    with psycopg.connect(empty.admin) as holder, psycopg.connect(empty.admin) as waiter:
        holder.execute("lock table public.other")

        def wait() -> None:
            waiter.execute("lock table public.other")

        with in_thread(wait):
            while not ask(empty.admin, "select 1 from pg_locks where not granted"):
                pass
            heard: list[str] = []

            def hear(event: Any) -> None:
                if isinstance(event, Throttled):
                    heard.append(event.signal)
                    holder.rollback()

            manner = Manner(limits=signals.limits({"lock-queue": 0.0, "old-transaction": None}))
            assert run(empty, bundle, report=hear, manner=manner).state == "done"
    assert "lock-queue" in heard


def test_signals_that_a_role_may_not_see_are_named_once_and_not_watched(
    empty: Any, files: Files, postgres_cluster: Any
) -> None:
    bundle = prepared(empty, files)
    plain = f"{empty.name}_plain"
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        words = {"plain": sql.Identifier(plain), "owner": sql.Identifier(empty.role)}
        for text in ("create role {plain} login password 'pw'", "grant {owner} to {plain}"):
            connection.execute(sql.SQL(text).format(**words))
    heard: list[Any] = []
    try:
        with psycopg.connect(empty.admin) as old:
            old.execute("select pg_current_xact_id()")
            manner = Manner(limits=signals.limits({"old-transaction": 0.0}))
            conninfo = postgres_cluster.dsn(empty.name, user=plain, password="pw")
            ended = run_job(
                conninfo, bundle, name_of(bundle), role=empty.role, report=heard.append, manner=manner
            )
        assert ended.state == "done"
        unseen = [event.signal for event in heard if isinstance(event, Unseen)]
        assert unseen == ["replica-lag", "replica-behind", "vacuum", "old-transaction"]
        assert not any(isinstance(event, Throttled) for event in heard)
    finally:
        with psycopg.connect(empty.admin, autocommit=True) as connection:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(plain)))


def test_heavy_ddl_runs_statement_by_statement_and_repairs_what_a_broken_try_left(
    empty: Any, files: Files
) -> None:
    bundle = prepared(empty, files, job=INDEX)
    unique = "create unique index concurrently things_touched on shop.things (touched)"
    with pytest.raises(psycopg.errors.UniqueViolation):
        ask(empty.admin, unique)
    assert run(empty, bundle).state == "done"
    valid = "select indisvalid, indisunique from pg_index where indexrelid = 'shop.things_touched'::regclass"
    assert ask(empty.admin, valid) == [(True, False)]
    assert standing(empty, bundle) == ["done"]
    assert ask(empty.admin, "select count(*) from public.schema_migrations where name like '%job.sql'") == [
        (1,)
    ]


def test_a_small_table_is_done_with_the_deploy_in_its_place(empty: Any, files: Files) -> None:
    bundle = files(
        things=MAKE.format(rows=10_000),
        job=JOB,
        index=INDEX,
        last="-- lamppost: phase contract\nalter table shop.things add check (touched = 1)",
    )
    outcome = apply(empty.admin, bundle, role=empty.role)
    assert [name.split("__")[2] for name in outcome.applied if "__shop__" in name] == [
        "things.sql",
        "job.sql",
        "index.sql",
        "last.sql",
    ]
    assert (outcome.jobs, touched(empty)) == ((), [(1, 10_000)])
    assert standing(empty, bundle) == ["done", "done"]


def test_a_large_table_is_left_to_its_job_and_the_outcome_names_it(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files, rows=10_001, index=INDEX, more="create table shop.more (id int)")
    outcome = apply(empty.admin, bundle, role=empty.role)
    assert [name.split("__")[2] for name in outcome.applied] == ["more.sql"]
    assert outcome.jobs == (name_of(bundle), name_of(bundle, "index"))
    assert touched(empty) == [(0, 10_001)]
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        assert [job.state for job in open_jobs(connection, bundle)] == ["open", "open"]


def test_a_contract_file_waits_for_the_job_and_goes_in_after_it(empty: Any, files: Files) -> None:
    bundle = prepared(
        empty, files, rows=10_001, last="-- lamppost: phase contract\nalter table shop.things drop touched"
    )
    with pytest.raises(AuthorError) as refused:
        apply(empty.admin, bundle, role=empty.role)
    assert refused.value.code == "migration_contract_job"
    run(empty, bundle, manner=Manner(limits=None))
    assert apply(empty.admin, bundle, role=empty.role).applied == (name_of(bundle, "last"),)


def test_a_job_that_somebody_runs_is_left_to_them(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files)
    seen: list[tuple[str, ...]] = []
    deploy = After(1, lambda: seen.append(apply(empty.admin, bundle, role=empty.role).jobs))
    run(empty, bundle, report=deploy.hear)
    assert (seen, touched(empty)) == ([(name_of(bundle),)], [(1, 100)])


def test_a_failing_small_job_fails_the_deploy_and_keeps_what_was_before_it(empty: Any, files: Files) -> None:
    bundle = files(things=MAKE.format(rows=10), job=JOB.replace("touched + 1", "1 / (id - 5)"))
    with pytest.raises(AuthorError, match=r"where id is 5"):
        apply(empty.admin, bundle, role=empty.role)
    mended = files(job=JOB)
    with pytest.raises(AuthorError) as refused:
        apply(empty.admin, mended, role=empty.role)
    assert refused.value.code == "migration_edited"


def test_a_file_that_is_no_job_is_not_run_as_one(empty: Any, files: Files) -> None:
    bundle = files(things=MAKE.format(rows=10))
    for name in (name_of(bundle, "things"), "nothing.sql"):
        with pytest.raises(OperatorError) as refused:
            run_job(empty.admin, bundle, name, role=empty.role)
        assert refused.value.code == "job_unknown"


def test_the_first_file_of_all_may_be_a_job(empty: Any, files: Files) -> None:
    ask(empty.admin, f'set role "{empty.role}"; ' + MAKE.format(rows=10))
    bundle = files(job=JOB)
    first = bundle.migrations[-1:]
    assert run(empty, Bundle(first, ("shop",))).rows_done == 10
