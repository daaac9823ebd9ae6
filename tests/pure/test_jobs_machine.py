"""The state machine of heavy migrations, walked with every answer that the migrator may give."""

import random
from collections import deque
from typing import Any

import pytest

from lamppost.cloud import jobs_machine
from tests.machine import Raised, Walk, paths

MACHINE = jobs_machine.definition()
AGAIN = {"next": "again", "state": "stopped"}
LATER = {"next": "later", "state": "running"}
DONE = {"next": "end", "state": "done"}
PAUSED = {"next": "end", "state": "paused"}
# Step Functions ends an execution with more: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
EVENTS_MAX = 25_000


class Answers:
    """Answers in this order, the last one again and again; texts are errors."""

    def __init__(self, *answers: Any) -> None:
        self.answers = deque(answers)
        self.asked: list[Any] = []

    def __call__(self, event: Any) -> Any:
        self.asked.append(event)
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise Raised(answer)
        return answer


def walk(*answers: Any, given: Any = None) -> tuple[Walk, Answers]:
    called = Answers(*answers)
    return Walk(MACHINE, given or {}, called).run(), called


def test_every_state_is_reached_and_leads_to_one_that_exists() -> None:
    states = MACHINE["States"]
    ways = list(paths(MACHINE))
    assert {to for _, to in ways} <= states.keys()
    assert states.keys() - {to for _, to in ways} <= {MACHINE["StartAt"]}
    ends = {name for name, state in states.items() if state["Type"] in ("Succeed", "Fail")}
    assert states.keys() - {start for start, _ in ways} == ends


def test_a_job_is_asked_for_until_it_is_done() -> None:
    ended, called = walk(AGAIN, AGAIN, DONE)
    assert (ended.states[-1], len(called.asked), ended.waited) == ("Done", 3, 0)


def test_every_piece_is_told_what_the_execution_was_started_with_and_nothing_else() -> None:
    given = {"job": "2025.sql", "action": "apply", "RequestType": "Delete"}
    _, called = walk(AGAIN, DONE, given=given)
    assert called.asked == [{"action": "job", "input": given}] * 2


def test_while_somebody_else_runs_the_job_the_machine_waits() -> None:
    ended, _ = walk(LATER, LATER, AGAIN, DONE)
    assert (ended.states[-1], ended.waited) == ("Done", 2 * jobs_machine.PATIENCE)


def test_a_paused_job_is_left_alone() -> None:
    ended, called = walk(AGAIN, PAUSED)
    assert (ended.states[-1], len(called.asked)) == ("Paused", 2)


@pytest.mark.parametrize(
    ("error", "tries"),
    [("AuthorError", 1), ("OperatorError", 4), ("Sandbox.Timedout", 4), ("Lambda.ServiceException", 7)],
)
def test_an_error_that_stays_ends_the_machine_and_an_authors_does_at_once(error: str, tries: int) -> None:
    ended, called = walk(error)
    assert (ended.error, len(called.asked), ended.states) == (error, tries, ["Run a piece"])


def test_an_error_that_passes_is_forgotten_by_the_next_piece() -> None:
    storm = ["OperatorError", "Sandbox.Timedout", "OperatorError", "OperatorError", AGAIN]
    ended, _ = walk(*storm, *storm, *storm, DONE)
    assert (ended.states[-1], ended.error) == ("Done", "")


def test_an_answer_that_nobody_knows_fails_loudly() -> None:
    ended, _ = walk({"next": "dance", "state": "odd"})
    assert (ended.states[-1], ended.error) == ("Not understood", "NotUnderstood")


def test_whatever_is_answered_the_machine_ends_when_the_job_does() -> None:
    for seed in range(200):
        dice = random.Random(seed)
        answers = [dice.choice([AGAIN, LATER, "OperatorError", "Sandbox.Timedout"]) for _ in range(50)]
        ended, called = walk(*answers, DONE)
        left = ended.error in ("OperatorError", "Sandbox.Timedout")
        assert left or (ended.states[-1] == "Done" and len(called.asked) == 51)


def test_a_week_of_waiting_or_of_working_fits_the_history_of_one_execution() -> None:
    pieces = [AGAIN] * (jobs_machine.WEEK // 600)
    looks = [LATER] * (jobs_machine.WEEK // jobs_machine.PATIENCE)
    for answers in (pieces, looks):
        assert walk(*answers, DONE)[0].events < EVENTS_MAX
