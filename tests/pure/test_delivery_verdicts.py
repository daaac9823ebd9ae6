"""What becomes of a message, by its answer and the count of its tries."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lamppost.delivery.answer import Answer
from lamppost.delivery.verdicts import (
    ATTEMPTS,
    PATIENCE,
    SAME_DAY,
    SPREAD,
    STANDARD,
    WAITS,
    Abandoned,
    Delivered,
    Disabled,
    Schedule,
    Waiting,
    judge,
)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
@pytest.mark.parametrize("attempt", [1, ATTEMPTS])
def test_any_2xx_is_success(status: int, attempt: int) -> None:
    assert judge(Answer(status), attempt=attempt) == Delivered()


@pytest.mark.parametrize(
    "status", [300, 301, 302, 307, 308, 400, 401, 404, 408, 422, 429, 500, 502, 503, 999]
)
def test_everything_else_is_tried_again_on_the_schedule(status: int) -> None:
    assert judge(Answer(status), attempt=1) == Waiting(timedelta(seconds=5))
    assert judge(Answer(status), attempt=4) == Waiting(timedelta(hours=2))


@pytest.mark.parametrize("error", ["E_DNS", "E_REFUSED", "E_TLS", "E_TIMEOUT", "E_RESET", "E_INVALID_TARGET"])
def test_no_answer_is_tried_again_too(error: str) -> None:
    assert judge(Answer(None, error), attempt=2) == Waiting(timedelta(minutes=5))


def test_the_fifth_failure_is_the_last_and_says_what_came_back() -> None:
    assert judge(Answer(404), attempt=5) == Abandoned("no success in 5 tries; the last: status 404")
    assert judge(Answer(None, "E_TLS", "expired"), attempt=5) == Abandoned(
        "no success in 5 tries; the last: E_TLS (expired)"
    )


@pytest.mark.parametrize("attempt", [1, ATTEMPTS])
def test_gone_closes_the_endpoint_whatever_the_count(attempt: int) -> None:
    assert isinstance(judge(Answer(410), attempt=attempt), Disabled)


def test_an_endpoint_may_ask_for_more_time_but_not_less() -> None:
    patient = Answer(429, retry_after=timedelta(minutes=1))
    assert judge(patient, attempt=1) == Waiting(timedelta(minutes=1))
    assert judge(patient, attempt=2) == Waiting(WAITS[1])


def test_a_retry_after_of_years_is_cut_to_what_still_saves_the_day() -> None:
    assert judge(Answer(503, retry_after=timedelta(days=9999)), attempt=1) == Waiting(PATIENCE)


def test_chance_spreads_the_retries_and_never_makes_them_earlier() -> None:
    verdicts = [judge(Answer(500), attempt=2, chance=chance) for chance in (0.0, 0.5, 0.999)]
    waits = [verdict.wait for verdict in verdicts if isinstance(verdict, Waiting)]
    assert waits == sorted(waits)
    assert (len(waits), waits[0]) == (3, WAITS[1])
    assert all(WAITS[1] <= wait <= WAITS[1] * (1 + SPREAD) for wait in waits)


def test_what_a_breaker_held_back_waits_for_it_and_is_no_try() -> None:
    held = Answer(None, "E_OPEN", retry_after=timedelta(seconds=40))
    for attempt in (1, ATTEMPTS, 99):
        assert judge(held, attempt=attempt) == Waiting(timedelta(seconds=40), counted=False)


def test_the_proposed_schedule_has_ten_tries_within_some_three_days() -> None:
    assert STANDARD.attempts == 10
    assert timedelta(days=3) < sum(STANDARD.waits, timedelta(0)) < timedelta(days=4)
    assert judge(Answer(500), attempt=9, schedule=STANDARD) == Waiting(timedelta(hours=24))
    assert isinstance(judge(Answer(500), attempt=10, schedule=STANDARD), Abandoned)


def test_a_401_comes_with_a_hint() -> None:
    assert "signing secret" in str(judge(Answer(401), attempt=ATTEMPTS))


schedules = some.builds(
    Schedule,
    some.lists(some.timedeltas(timedelta(0), timedelta(days=9)), max_size=12).map(tuple),
    some.floats(0, 1),
    some.timedeltas(timedelta(0), timedelta(days=2)),
)
answers = some.one_of(
    some.builds(Answer, some.integers(200, 999), retry_after=some.timedeltas(min_value=timedelta(0))),
    some.builds(Answer, some.none(), some.sampled_from(["E_DNS", "E_TIMEOUT", "E_TLS", "E_INVALID_TARGET"])),
)


@given(answers, schedules, some.floats(0, 1))
def test_any_message_ends_and_no_wait_is_out_of_bounds(
    answer: Answer, schedule: Schedule, chance: float
) -> None:
    """However an endpoint fails: as many tries as the schedule has, and each wait is within its bounds."""
    verdicts = []
    for attempt in range(1, schedule.attempts + 1):
        verdicts.append(judge(answer, attempt=attempt, chance=chance, schedule=schedule))
        if not isinstance(verdicts[-1], Waiting):
            break
        least = schedule.waits[attempt - 1]
        assert least <= verdicts[-1].wait <= max(least * (1 + schedule.spread), schedule.patience)
        assert verdicts[-1].counted
    assert not isinstance(verdicts[-1], Waiting)
    assert isinstance(verdicts[-1], Delivered) == (answer.status is not None and answer.status < 300)


@given(some.timedeltas(min_value=timedelta(0)), some.integers(1, 20), some.floats(0, 1))
def test_being_held_back_never_ends_a_message(left: timedelta, attempt: int, chance: float) -> None:
    held = Answer(None, "E_OPEN", retry_after=left)
    verdict = judge(held, attempt=attempt, chance=chance)
    assert isinstance(verdict, Waiting)
    assert not verdict.counted
    assert verdict.wait <= SAME_DAY.patience * (1 + SAME_DAY.spread)
