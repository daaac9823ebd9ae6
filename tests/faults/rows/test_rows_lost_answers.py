"""Rows 10, 18 and 20: answers that get lost, and everybody at once."""

from tests.faults.rows.conftest import PlayRow
from tests.faults.rows.ground import Ground, records
from tests.forms import Form

AT_ONCE = 8


def test_a_lost_answer_of_sqs_costs_a_second_message_and_no_second_greeting(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("10", "SQS accepts, and its answer is lost") as row:
        row.more = {"answers_lost": 0, "messages": 0}
        for number in range(form.count(short=2, long=60)):
            people = here.round()
            lost = form.dice(number).randint(1, 2)
            here.aws_line.lose("SendMessageBatch", accepted=True, times=lost)
            here.tick()
            assert here.aws_line.lost == lost
            row.more["answers_lost"] += lost
            row.more["messages"] += here.waiting()
            assert here.waiting() == 1 + lost
            row.ran(recovery=here.heal(people))
            while here.waiting():
                here.deliver()
        assert row.audit(here)["duplicates"] == 0


def test_a_receiver_that_works_and_says_nothing_is_asked_again_under_the_same_id(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("18", "the receiver processes and drops its answer") as row:
        for number in range(form.count(short=1, long=30)):
            here.round(10)
            # Every second answer, and in the end every one.
            here.auditor.behave(drop=0.5 if number % 2 else 1.0, seed=form.seed + number)
            here.waits_pass()
            row.ran()
        found = row.audit(here)
        row.more["dead"] = found["dead"]
        assert found["most"] == 5


def test_ticks_and_workers_that_all_come_at_once_greet_once(here: Ground, form: Form, play: PlayRow) -> None:
    with play("20", f"{AT_ONCE} ticks at once, then {AT_ONCE} workers with the same messages") as row:
        for _ in range(form.count(short=1, long=40)):
            people = here.round(20)
            ticks = [here.functions.start("scheduler", here.minute()) for _ in range(AT_ONCE)]
            assert all("result" in (tick.wait() or {}) for tick in ticks)
            (chunks, members) = here.admin.execute(
                "select count(*)::int, sum(cardinality(members))::int from birthday.chunks"
            ).fetchone() or (0, 0)
            messages = here.take()
            assert (chunks, members, len(messages)) == (1, len(people), 1)
            workers = [here.functions.start("worker", records(messages)) for _ in range(AT_ONCE)]
            assert all("result" in (worker.wait() or {}) for worker in workers)
            here.done(messages, {"result": None})
            assert here.unsettled(people) == 0
            row.ran()
        assert row.audit(here)["duplicates"] == 0
