"""How an endpoint stands, by what it answered: when it rests, for how long, how much it gets after."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from lamppost.delivery.answer import Answer
from lamppost.delivery.breaker import UNBOUNDED, Limits, Standing
from lamppost.delivery.endpoints import MOST, Endpoints

NOW = 1_800_000_000.0
GOOD, BAD, DEAD = Answer(204), Answer(500), Answer(None, "E_TIMEOUT")
LIMITS = Limits(failures=3, rest=10, longest=60)


def failed(times: int, standing: Standing | None = None, now: float = NOW) -> Standing:
    standing = standing or Standing()
    for _ in range(times):
        standing.note(BAD, LIMITS, now)
    return standing


def test_failures_in_a_row_open_it_for_its_rest() -> None:
    assert failed(2).resting(LIMITS, NOW) == 0
    standing = failed(3)
    assert standing.resting(LIMITS, NOW) == 10
    assert standing.resting(LIMITS, NOW + 9) == 1
    assert standing.resting(LIMITS, NOW + 10) == 0


def test_a_success_between_begins_the_count_anew() -> None:
    standing = failed(2)
    standing.note(GOOD, LIMITS, NOW)
    assert failed(2, standing).resting(LIMITS, NOW) == 0


@pytest.mark.parametrize("answer", [Answer(400), Answer(404), Answer(302), Answer(410)])
def test_an_endpoint_that_answers_is_alive_whatever_it_thinks_of_the_message(answer: Answer) -> None:
    standing = Standing()
    for _ in range(50):
        standing.note(answer, LIMITS, NOW)
    assert standing.resting(LIMITS, NOW) == 0


def test_after_its_rest_one_post_decides() -> None:
    standing = failed(3)
    later = NOW + 10
    assert (standing.half_open, standing.room(LIMITS)) == (True, 1)
    standing.note(GOOD, LIMITS, later)
    assert not standing.half_open
    assert standing.room(LIMITS) == 2
    for _ in range(2):
        standing.note(GOOD, LIMITS, later)
    assert standing.room(LIMITS) == 4


def test_each_rest_is_twice_as_long_and_has_a_bound() -> None:
    standing, now, rests = failed(3), NOW, []
    for _ in range(5):
        rests.append(standing.resting(LIMITS, now))
        now += rests[-1]
        standing.note(DEAD, LIMITS, now)
    assert rests == [10, 20, 40, 60, 60]


def test_what_was_under_way_when_it_opened_changes_nothing() -> None:
    standing = failed(3)
    standing.note(GOOD, LIMITS, NOW + 1)
    failed(20, standing, NOW + 2)
    assert standing.resting(LIMITS, NOW + 2) == 8


def test_half_of_many_failing_opens_it_too() -> None:
    limits = Limits(failures=1000, ratio=0.5, volume=20, rest=10)
    standing = Standing()
    for number in range(19):
        standing.note(BAD if number % 3 else GOOD, limits, NOW)
        assert standing.resting(limits, NOW) == 0
    for _ in range(2):
        standing.note(BAD, limits, NOW)
    assert standing.resting(limits, NOW) == 10


def test_an_overloaded_endpoint_gets_half_and_one_more_with_each_success() -> None:
    limits = Limits(failures=500, ratio=2)
    standing = Standing()
    standing.note(Answer(429), limits, NOW, running=99)
    assert standing.room(limits) == 50
    for _ in range(98):
        # They were under way together: one piece of news.
        standing.note(Answer(429, latency_ms=500), limits, NOW + 0.4, running=50)
    assert standing.room(limits) == 50
    standing.note(Answer(503), limits, NOW + 1, running=50)
    assert standing.room(limits) == 25
    standing.note(GOOD, limits, NOW + 2)
    assert standing.room(limits) == 26


def test_an_overloaded_endpoint_gets_half_its_rate_until_it_recovers() -> None:
    limits = Limits(rate=100)
    standing = Standing()
    standing.note(Answer(429), limits, NOW)
    assert standing.rate == 50
    for _ in range(10):
        standing.note(GOOD, limits, NOW)
    assert standing.rate == 0


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_asks_for_time_gets_it_within_bounds(status: int) -> None:
    for asked, granted in ((7, 7), (10**9, 60)):
        standing = Standing()
        standing.note(Answer(status, retry_after=timedelta(seconds=asked)), LIMITS, NOW)
        assert standing.resting(LIMITS, NOW) == granted
        assert standing.rests == 0


def test_without_a_count_of_failures_it_never_opens() -> None:
    limits = Limits(failures=0)
    standing = Standing()
    for _ in range(500):
        standing.note(Answer(503, retry_after=timedelta(hours=1)), limits, NOW)
    assert standing.resting(limits, NOW) == 0


def test_a_clock_set_back_makes_no_endless_rest() -> None:
    standing = failed(3)
    assert standing.resting(LIMITS, NOW - 86400) == LIMITS.longest
    limits = Limits(rate=1)
    assert standing.turn(limits, NOW) == 0
    assert standing.turn(limits, NOW - 86400) == 1


def test_a_rate_lets_a_burst_go_and_then_one_at_a_time() -> None:
    limits = Limits(rate=10, burst=3)
    standing = Standing()
    assert [standing.turn(limits, NOW) for _ in range(3)] == [0, 0, 0]
    assert standing.turn(limits, NOW) == pytest.approx(0.1)
    assert standing.turn(limits, NOW + 0.101) == 0
    assert [standing.turn(limits, NOW + 3600) for _ in range(4)].count(0) == 3


@given(some.lists(some.floats(0, 0.3), max_size=200), some.floats(0.5, 50), some.integers(1, 20))
def test_no_second_gets_more_than_rate_and_burst(pauses: list[float], rate: float, burst: int) -> None:
    limits, standing, now, taken = Limits(rate=rate, burst=burst), Standing(), NOW, 0
    for pause in pauses:
        now += pause
        taken += standing.turn(limits, now) == 0
    assert taken <= burst + (now - NOW) * rate + 1e-3


news = some.tuples(
    some.sampled_from(
        [GOOD, BAD, DEAD, Answer(429), Answer(503, retry_after=timedelta(seconds=5)), Answer(404)]
    ),
    some.floats(0, 30),
)


@given(some.lists(news, max_size=100))
def test_whatever_comes_it_rests_within_bounds_and_one_success_after_closes_it(
    story: list[tuple[Answer, float]],
) -> None:
    standing, now = Standing(), NOW
    for answer, pause in story:
        now += pause
        standing.note(answer, LIMITS, now, running=3)
        assert 0 <= standing.resting(LIMITS, now) <= LIMITS.longest
        assert 1 <= standing.room(LIMITS) <= UNBOUNDED
        again = msgspec.json.decode(msgspec.json.encode(standing), type=Standing)
        assert again == standing
    now += standing.resting(LIMITS, now)
    standing.note(GOOD, LIMITS, now)
    assert (standing.half_open, standing.failures, standing.rests) == (False, 0, 0)


def test_another_sandbox_begins_with_what_this_one_learned() -> None:
    here, there = Endpoints(LIMITS), Endpoints(LIMITS)
    failed(3, here.standing("https://a.example/h"))
    here.standing("https://b.example/h").note(GOOD, LIMITS, NOW)
    there.restore(here.snapshot())
    assert there.open(NOW) == {"https://a.example/h": 10}
    assert there.resting("https://b.example/h", NOW) == 0


def test_an_older_snapshot_does_not_undo_what_is_known() -> None:
    here, there = Endpoints(LIMITS), Endpoints(LIMITS)
    old = here.snapshot()
    failed(3, here.standing("a"), NOW - 100)
    older = here.snapshot()
    failed(3, there.standing("a"))
    there.restore(old)
    there.restore(older)
    assert there.resting("a", NOW) == 10


def test_an_endpoint_that_was_mended_begins_anew() -> None:
    endpoints = Endpoints(LIMITS)
    failed(3, endpoints.standing("a"))
    endpoints.forget("a")
    assert endpoints.open(NOW) == {}


def test_single_endpoints_may_have_other_limits() -> None:
    endpoints = Endpoints(LIMITS, {"slow": Limits(rate=1)})
    assert (endpoints.limits("slow").rate, endpoints.limits("any").rate) == (1, 0)


def test_what_is_remembered_has_a_bound() -> None:
    endpoints = Endpoints(LIMITS)
    for number in range(MOST + 100):
        endpoints.standing(str(number))
    failed(3, endpoints.standing("kept"))
    assert len(msgspec.json.decode(endpoints.snapshot())) == MOST
    assert endpoints.resting("kept", NOW) == 10
