"""Rows 1 to 7: kill -9 at each step from due to deleted, and at every statement in between."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.rows.conftest import PlayRow
from tests.faults.rows.functions import Run
from tests.faults.rows.ground import Ground, records
from tests.faults.rows.postgres_line import Moment
from tests.forms import Form

HOLD = "seen::text as seen"
CLAIM = "insert into birthday.chunks (kind, members, seen, due_at)"
RELAY = "where token <"
MARK = "set sent_at = clock_timestamp()"
LEASE = "set token = token + 1"
SETTLE = "with clock as materialized"

TICKS = {
    "1 kill -9 before the claim": Moment(HOLD),
    "1 kill -9 while the cursor is held": Moment(CLAIM),
    "2 kill -9 after the claim, nobody heard": Moment(CLAIM, heard=True),
    "2 kill -9 after the claim, before its commit": Moment("COMMIT", after=CLAIM),
    "3 kill -9 after the claim's commit, nobody heard": Moment("COMMIT", after=CLAIM, heard=True),
    "3 kill -9 after the claim's commit, before the enqueue": Moment(RELAY),
    "4 kill -9 after the enqueue, before the mark": Moment(MARK),
    "4 kill -9 after the mark, before its commit": Moment("COMMIT", after=MARK),
    "4 kill -9 after the mark's commit, nobody heard": Moment("COMMIT", after=MARK, heard=True),
}
DELIVERIES = {
    "1 kill -9 before the lease": Moment(LEASE),
    "2 kill -9 after the lease, before its commit": Moment("COMMIT", after=LEASE),
    "3 kill -9 after the lease's commit, nobody heard": Moment("COMMIT", after=LEASE, heard=True),
    "6 kill -9 after the 2xx, before the record": Moment(SETTLE),
    "6 kill -9 after the record, before its commit": Moment("COMMIT", after=SETTLE),
    "6 kill -9 after the record's commit, before the delete": Moment("COMMIT", after=SETTLE, heard=True),
}
UNRECORDED = ("before the record", "after the record, before its commit")


def at(here: Ground, moment: Moment) -> Callable[[Run], None]:
    """Kill whoever comes to this moment."""
    return lambda run: here.line.at(moment, run.kill)


def killed(here: Ground, run: Run) -> None:
    """The run has ended where it was to end."""
    answer = run.wait()
    assert here.line.came, here.line.asked
    assert answer is None, answer


def recovered(here: Ground, messages: list[dict[str, Any]], people: list[str]) -> float:
    """Seconds from the end of the dead worker's lease until everybody is greeted."""
    here.done(messages, None)
    here.leases_end()
    return here.heal(people)


@pytest.mark.parametrize("point", TICKS)
def test_a_tick_that_is_killed_loses_nothing_and_repeats_nothing(
    here: Ground, form: Form, play: PlayRow, point: str
) -> None:
    number, _, name = point.partition(" ")
    with play(number, name) as row:
        for _ in range(form.count(short=1, long=80)):
            people = here.round()
            killed(here, here.functions.start("scheduler", here.minute(), at(here, TICKS[point])))
            row.ran(kills=1, recovery=here.heal(people))
        assert row.audit(here)["duplicates"] == 0


@pytest.mark.parametrize("point", DELIVERIES)
def test_a_worker_that_is_killed_repeats_what_it_had_not_recorded_and_no_more(
    here: Ground, form: Form, play: PlayRow, point: str
) -> None:
    number, _, name = point.partition(" ")
    with play(number, name) as row:
        for _ in range(form.count(short=1, long=80)):
            people = here.round()
            here.tick()
            messages = here.take()
            killed(here, here.functions.start("worker", records(messages), at(here, DELIVERIES[point])))
            row.ran(kills=1, recovery=recovered(here, messages, people))
        found = row.audit(here)
        assert found["duplicates"] == (found["due"] if point.endswith(UNRECORDED) else 0)
        assert found["most"] <= 2


@pytest.mark.parametrize("accepted", [False, True])
def test_a_tick_that_is_killed_while_it_enqueues_greets_once(
    here: Ground, form: Form, play: PlayRow, accepted: bool
) -> None:
    with play("4", f"kill -9 {'once' if accepted else 'before'} SQS has the message") as row:
        for _ in range(form.count(short=1, long=80)):
            people = here.round()
            run = here.functions.start(
                "scheduler",
                here.minute(),
                lambda run: here.aws_line.lose("SendMessageBatch", accepted=accepted, call=run.kill),
            )
            assert run.wait() is None
            row.ran(kills=1, recovery=here.heal(people))
        assert row.audit(here)["duplicates"] == 0


def test_a_worker_that_is_killed_in_the_middle_of_its_posts_repeats_each_at_most_once(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("5", "kill -9 in the middle of a POST") as row:
        for number in range(form.count(short=2, long=160)):
            people = here.round(5)
            here.tick()
            messages = here.take()
            shot = form.dice(number).randint(1, 5)
            run = here.functions.start(
                "worker",
                records(messages),
                lambda run, shot=shot: here.auditor.behave(signal="SIGKILL", pid=run.pid, at=shot),
            )
            assert run.wait() is None
            here.auditor.behave()
            row.ran(kills=1, recovery=recovered(here, messages, people))
        assert row.audit(here)["most"] <= 2


def test_of_a_batch_whose_worker_is_killed_only_what_is_unfinished_is_done_again(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("7", "kill -9 between two items of a batch") as row:
        for number in range(form.count(short=2, long=80)):
            people = []
            for _ in range(3):
                people += here.round()
                here.tick()
            messages = here.take()
            assert len(messages) == 3
            between = Moment(LEASE, nth=form.dice(number).randint(2, 3))
            killed(here, here.functions.start("worker", records(messages), at(here, between)))
            row.ran(kills=1, recovery=recovered(here, messages, people))
        assert row.audit(here)["duplicates"] == 0


def test_every_statement_is_a_good_place_to_die(here: Ground, form: Form, play: PlayRow) -> None:
    with play("1-7", "kill -9 at every statement, told and untold") as row:
        places = statements(here)
        row.more["statements"] = len(places) // 2
        for number in range(form.count(short=6, long=2 * len(places))):
            dice = form.dice(number)
            function, nth, heard = places[number % len(places)] if form.long else dice.choice(places)
            moment = Moment(nth=nth, heard=heard)
            people = here.round()
            if function == "scheduler":
                killed(here, here.functions.start(function, here.minute(), at(here, moment)))
                row.ran(kills=1, recovery=here.heal(people))
            else:
                here.tick()
                messages = here.take()
                killed(here, here.functions.start(function, records(messages), at(here, moment)))
                row.ran(kills=1, recovery=recovered(here, messages, people))
        assert row.audit(here)["most"] <= 2


def statements(here: Ground) -> list[tuple[str, int, bool]]:
    """What a tick and a delivery ask for, from first to last: who, the how many-th, and heard or not."""
    people = here.round()
    here.line.calm()
    here.tick()
    ticks = len(here.line.asked)
    here.line.calm()
    here.deliver()
    deliveries = len(here.line.asked)
    assert here.unsettled(people) == 0
    asked = (("scheduler", ticks), ("worker", deliveries))
    return [(who, n, heard) for who, count in asked for n in range(1, count + 1) for heard in (False, True)]
