"""Rows 8 and 9: a worker or a tick that hangs, is overtaken, and wakes up again."""

import json
import signal

from tests.faults.rows.conftest import PlayRow
from tests.faults.rows.functions import Run
from tests.faults.rows.ground import Ground, records
from tests.faults.rows.postgres_line import Moment
from tests.faults.rows.test_rows_killed import CLAIM
from tests.forms import Form
from tests.running import until

# The server ends a transaction whose client says nothing for so long: 15 s, if nobody says otherwise.
PATIENCE_MS = 300


def test_a_worker_that_hangs_is_overtaken_and_its_late_record_is_refused(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("8", "SIGSTOP of a worker that holds a chunk") as hung, play("9", "SIGCONT afterwards") as late:
        for number in range(form.count(short=2, long=60)):
            people = here.round(4)
            here.tick()
            messages = here.take()
            shot = form.dice(number).randint(1, 4)

            def aim(run: Run, shot: int = shot) -> None:
                here.auditor.behave(signal="SIGSTOP", pid=run.pid, at=shot)

            zombie = here.functions.start("worker", records(messages), aim)
            until(lambda shot=shot: here.auditor.arrived() >= shot)
            here.auditor.behave()
            here.done(messages, None)
            here.leases_end()
            hung.ran(recovery=here.heal(people))
            zombie.signal(signal.SIGCONT)
            answer = zombie.wait()
            assert answer == {"result": {"batchItemFailures": []}}
            late.ran()
        found = hung.audit(here)
        late.judge(found)
        assert found["most"] <= 2
        late.more["records refused"] = said(here, "chunk.lost_to_another")
        assert late.more["records refused"] == hung.runs


def test_a_worker_that_wakes_up_while_another_is_at_its_chunk_changes_nothing(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("9", "SIGCONT while another worker is at the chunk") as row:
        for _ in range(form.count(short=1, long=60)):
            people = here.round(4)
            here.tick()
            messages = here.take()
            zombie = here.functions.start(
                "worker",
                records(messages),
                lambda run: here.auditor.behave(signal="SIGSTOP", pid=run.pid, at=4, status=500),
            )
            until(lambda: here.auditor.arrived() == 4)
            here.leases_end()
            here.auditor.behave(hold=True)
            other = here.functions.start("worker", records(messages))
            until(lambda: here.auditor.arrived() == 4)
            zombie.signal(signal.SIGCONT)
            assert "result" in (zombie.wait() or {})
            assert here.greeted(people) == 0
            here.auditor.behave()
            here.done(messages, other.wait())
            assert here.greeted(people) == len(people)
            row.ran()
        assert row.audit(here)["most"] == 2


def test_a_tick_that_hangs_with_the_claim_is_sent_away_by_the_server(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("8", f"SIGSTOP of a tick that holds the cursor, sent away after {PATIENCE_MS} ms") as row:
        for _ in range(form.count(short=1, long=20)):
            people = here.round()
            hung = here.functions.start(
                "scheduler",
                here.minute(),
                lambda run: here.line.at(Moment(CLAIM, goes_on=True), lambda: run.signal(signal.SIGSTOP)),
                DB_IDLE_IN_TRANSACTION_TIMEOUT=str(PATIENCE_MS),
            )
            until(lambda: here.line.came)
            row.ran(recovery=here.heal(people))
            hung.signal(signal.SIGCONT)
            answer = hung.wait()
            assert answer is not None
            assert "error" in answer
        assert row.audit(here)["duplicates"] == 0


def said(here: Ground, message: str) -> int:
    """How often the functions said this since the beginning of the row's ground."""
    lines = here.functions.log.read_text().splitlines()
    return sum(json.loads(line).get("message") == message for line in lines if line.startswith("{"))
