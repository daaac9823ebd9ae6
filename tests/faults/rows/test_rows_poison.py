"""Row 23: what can never be handled is given up after exactly five tries, and its neighbours go on."""

from collections import Counter
from functools import partial

from tests.faults.rows.conftest import PlayRow
from tests.faults.rows.functions import Run
from tests.faults.rows.ground import DEAD, QUEUE, Ground, records
from tests.faults.rows.test_rows_times import redriven
from tests.forms import Form

TRIES = 5
POISON = (
    "not JSON",
    "{}",
    "[]",
    '{"chunk": 7}',
    '{"chunk": "no-uuid"}',
    '"' + "x" * 50_000 + '"',
    "[" * 50_000,
)


def test_messages_that_cannot_be_read_are_buried_after_five_tries_beside_neighbours_that_go_on(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("23", "messages that cannot be read, among others") as row:
        for _ in range(form.count(short=1, long=20)):
            people = here.round()
            for body in POISON:
                here.sqs.send_message(QueueUrl=here.urls[QUEUE], MessageBody=body)
            here.tick()
            tried: Counter[str] = Counter()
            while here.waiting():
                messages = here.take()
                tried.update(message["Body"] for message in messages if message["Body"] in POISON)
                if messages:
                    here.done(messages, here.functions.start("worker", records(messages)).wait())
            assert tried == dict.fromkeys(POISON, TRIES)
            assert here.waiting(DEAD) == len(POISON)
            assert here.unsettled(people) == 0
            here.aws.run(here.aws.queues.purge(DEAD))
            row.ran()
        assert row.audit(here)["duplicates"] == 0


def poisonous(here: Ground, person: str, run: Run) -> None:
    """A greeting of this person kills the worker."""
    here.auditor.behave(signal="SIGKILL", pid=run.pid, poison=person)


def test_a_greeting_that_kills_its_workers_is_found_among_its_neighbours_and_comes_once_when_redriven(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("23", "a greeting that kills its worker, redriven when it is mended") as row:
        for _ in range(form.count(short=1, long=10)):
            people = here.round()
            kills = 0
            here.tick()
            poison = partial(poisonous, here, people[0])
            while here.chunks():
                while here.waiting():
                    messages = here.take()
                    answer = here.functions.start("worker", records(messages), poison).wait()
                    kills += answer is None
                    here.done(messages, answer)
                here.leases_end()
                here.tick()
            # Together, and then alone.
            assert kills == 2 * TRIES
            here.auditor.behave()
            assert here.waiting(DEAD) == 1
            before = len(here.auditor.posts())
            assert redriven(here) == 1
            row.ran(kills=kills, recovery=here.heal(people))
            here.tick()
            here.deliver()
            assert len(here.auditor.posts()) == before + 1
        assert row.audit(here)["most"] <= kills + 1
