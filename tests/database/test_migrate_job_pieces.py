"""Jobs in pieces, as the migrator runs them on AWS: each ends in time, the next goes on, and an end comes."""

import itertools
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from lamppost.cloud.jobs_machine import definition
from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle
from lamppost.migrate.jobs import pieces
from lamppost.migrate.jobs.events import Batch
from lamppost.migrate.jobs.session import connected, locked
from lamppost.migrate.rollout import Place
from tests.machine import Raised, Walk

Files = Callable[..., Bundle]
ROWS = 20_000
MAKE = (
    "create table shop.things (id int primary key, touched int not null default 0);"
    f" insert into shop.things select generate_series(1, {ROWS})"
)
WALK = (
    "-- lamppost: job shop.things by id\n"
    "update shop.things set touched = touched + 1 where id between $1 and $2"
)
INDEX = "-- lamppost: job\ncreate index concurrently things_touched on shop.things (touched);\n"
SLOW = INDEX + "select pg_sleep(60)"


def ask(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


class Shop:
    """A database with its files, and a clock of whose seconds one goes by with every look at it."""

    def __init__(self, empty: Any, files: Files, **jobs: str) -> None:
        apply(empty.admin, files(things=MAKE), role=empty.role)
        self.bundle = files(**jobs)
        self.admin = empty.admin
        self.places = [Place(empty.name, self.bundle, empty.admin, empty.admin, "word")]
        self.heard: list[Any] = []

    def name(self, about: str) -> str:
        return next(one.name for one in self.bundle.migrations if one.name.endswith(f"__{about}.sql"))

    def piece(self, about: str | None = None, *, walk: float = 3, statement: float = 60) -> pieces.Piece:
        ticks = itertools.count()
        return pieces.run_piece(
            self.places,
            about and self.name(about),
            walk=walk,
            statement=statement,
            report=self.heard.append,
            now=lambda: next(ticks),
        )

    def touched(self) -> list[tuple[Any, ...]]:
        return ask(self.admin, "select touched, count(*)::int from shop.things group by 1 order by 1")

    def migrator(self, event: dict[str, Any]) -> dict[str, Any]:
        """What services/migrator answers the state machine."""
        wanted = event["input"].get("job")
        try:
            done = self.piece(wanted)
        except (AuthorError, OperatorError) as error:
            raise Raised(type(error).__name__) from error
        return {"next": done.next, "state": done.state, "job": done.job}


def test_a_piece_ends_when_its_time_is_up_and_the_next_goes_on_behind_it(empty: Any, files: Files) -> None:
    shop = Shop(empty, files, walk=WALK)
    first = shop.piece("walk")
    assert (first.next, first.state) == ("again", "stopped")
    assert 0 < first.rows_done < ROWS
    after = [shop.piece("walk", walk=1000)]
    assert (after[-1].next, after[-1].state, after[-1].rows_done) == ("end", "done", ROWS)
    assert shop.touched() == [(1, ROWS)]


def test_the_state_machine_takes_every_open_job_to_its_end_in_order(empty: Any, files: Files) -> None:
    shop = Shop(empty, files, walk=WALK, index=INDEX)
    walk = Walk(definition(), {}, shop.migrator).run()
    assert walk.states[-1] == "Done"
    assert walk.states.count("Run a piece") > 3
    assert len([one for one in shop.heard if isinstance(one, Batch)]) > 3
    assert shop.touched() == [(1, ROWS)]
    assert ask(
        shop.admin, "select indisvalid from pg_index where indexrelid = 'shop.things_touched'::regclass"
    )
    assert [job.state for job in pieces.standing(shop.places)[empty.name]] == ["done", "done"]


def test_the_state_machine_ends_at_once_where_no_job_is_open(empty: Any, files: Files) -> None:
    shop = Shop(empty, files)
    assert Walk(definition(), {}, shop.migrator).run().states == ["Run a piece", "What now?", "Done"]


def test_a_named_job_is_run_alone(empty: Any, files: Files) -> None:
    shop = Shop(empty, files, walk=WALK, index=INDEX)
    assert Walk(definition(), {"job": "walk"}, shop.migrator).run().states[-1] == "Done"
    assert [job.state for job in pieces.standing(shop.places)[empty.name]] == ["done", "open"]


def test_a_paused_job_ends_the_machine_and_another_start_behind_its_resumption_goes_on(
    empty: Any, files: Files
) -> None:
    shop = Shop(empty, files, walk=WALK, index=INDEX)
    shop.piece("walk")
    assert pieces.pause(shop.places, shop.name("walk"))
    for asked in ({"job": "walk"}, {}):
        assert Walk(definition(), asked, shop.migrator).run().states[-1] == "Paused"
    assert pieces.resume(shop.places, shop.name("walk"))
    assert not pieces.resume(shop.places, shop.name("walk"))
    assert Walk(definition(), {}, shop.migrator).run().states[-1] == "Done"
    assert shop.touched() == [(1, ROWS)]


def test_a_job_that_somebody_else_runs_is_looked_at_later(empty: Any, files: Files) -> None:
    shop = Shop(empty, files, walk=WALK)
    with connected(shop.admin) as other, locked(other, shop.name("walk"), wait=1):
        assert shop.piece("walk") == pieces.Piece("later", "running", shop.name("walk"))


def test_a_statement_too_long_for_a_piece_is_tried_with_a_whole_one_and_then_refused(
    empty: Any, files: Files
) -> None:
    shop = Shop(empty, files, slow=SLOW)
    # The index is built; the time that was left was too short for the second statement.
    assert shop.piece("slow", statement=3.0) == pieces.Piece("again", "stopped", shop.name("slow"))
    with pytest.raises(AuthorError) as refused:
        shop.piece("slow", statement=2.2)
    assert refused.value.code == "job_too_long"
    assert "lamppost migrate job run" in refused.value.fix


def test_a_name_that_is_no_jobs_is_refused_without_a_second_try(empty: Any, files: Files) -> None:
    shop = Shop(empty, files, walk=WALK)
    with pytest.raises(AuthorError) as refused:
        pieces.run_piece(shop.places, "2025-01-01T0000__shop__things.sql", walk=1, statement=1)
    assert refused.value.code == "job_unknown"
    assert shop.name("walk") in refused.value.fix
