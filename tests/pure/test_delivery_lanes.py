"""Whose post is next: turns, shares, and what waits for a rate or a rest."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as some

from lamppost.delivery.answer import Answer
from lamppost.delivery.breaker import Limits
from lamppost.delivery.endpoints import Endpoints
from lamppost.delivery.lanes import FIRST, Lane, Lanes

NOW = 1_800_000_000.0
GOOD, BAD = Answer(204), Answer(None, "E_TIMEOUT")


def lanes(*endpoints: str, in_flight: int = 900, known: Endpoints | None = None) -> Lanes:
    return Lanes(enumerate(endpoints), in_flight=in_flight, endpoints=known, now=NOW)


def taken(of: Lanes, now: float = NOW) -> list[tuple[Lane, int]]:
    found = []
    while (each := of.take(now)) is not None:
        found.append(each)
    return found


def by_endpoint(posts: list[tuple[Lane, int]]) -> dict[str, int]:
    return dict(Counter(lane.endpoint for lane, _ in posts))


def test_endpoints_take_turns_however_many_posts_one_has() -> None:
    order = [lane.endpoint for lane, _ in taken(lanes(*"aaaaaaaabc"))]
    assert order[:6] == ["a", "b", "c", "a", "a", "a"]


def test_each_has_at_most_its_share_of_the_slots() -> None:
    assert by_endpoint(taken(lanes(*"ab" * 500, in_flight=100))) == {"a": 50, "b": 50}


def test_one_endpoint_opens_its_slots_in_steps_while_nothing_comes_back() -> None:
    alone = lanes(*"a" * 1000)
    assert len(taken(alone)) == FIRST
    alone.widen()
    assert len(taken(alone)) == FIRST
    for _ in range(50):
        alone.widen()
        taken(alone)
    assert alone.running == 900


def test_a_fast_endpoint_keeps_to_a_few_connections() -> None:
    alone = lanes(*"a" * 1000)
    first = taken(alone)
    alone.back(first[0][0], GOOD, NOW)
    alone.widen()
    assert len(taken(alone)) == 1


def test_what_one_has_no_use_for_the_others_get() -> None:
    both = lanes(*"a" * 900, *"b" * 10, in_flight=100)
    begun = taken(both)
    for lane, _ in begun:
        if lane.endpoint == "b":
            both.back(lane, GOOD, NOW)
    for _ in range(3):
        both.widen()
        taken(both)
    assert both.running == 100


def test_more_endpoints_than_slots_wait_their_turn() -> None:
    many = lanes(*(str(number) for number in range(50)), in_flight=10)
    seen = 0
    while begun := taken(many):
        assert len(begun) <= 10
        seen += len(begun)
        for lane, _ in begun:
            many.back(lane, GOOD, NOW)
    assert seen == 50


def test_failures_hold_the_rest_back_and_nobody_elses() -> None:
    known = Endpoints(Limits(failures=3, rest=10))
    both = lanes(*"a" * 20, *"b" * 20, in_flight=8, known=known)
    begun = taken(both)
    for lane, _ in begun:
        if lane.endpoint == "a":
            both.back(lane, BAD, NOW)
    assert {number for number, _ in both.held} == set(range(4, 20))
    assert {left for _, left in both.held} == {10}
    assert by_endpoint(taken(both)) == {}
    for lane, _ in begun:
        if lane.endpoint == "b":
            both.back(lane, GOOD, NOW)
    assert by_endpoint(taken(both)) == {"b": 4}


def test_an_endpoint_that_rests_is_not_begun_with() -> None:
    known = Endpoints(Limits(failures=1, rest=10))
    known.standing("a").note(BAD, known.limits("a"), NOW)
    again = lanes(*"aaab", known=known)
    assert by_endpoint(taken(again)) == {"b": 1}
    assert again.held == [(0, 10), (1, 10), (2, 10)]


def test_after_a_rest_one_goes_first_and_lets_the_others_follow() -> None:
    known = Endpoints(Limits(failures=1, rest=10))
    known.standing("a").note(BAD, known.limits("a"), NOW - 10)
    again = lanes(*"aaaaa", known=known)
    (probe,) = taken(again)
    again.back(probe[0], GOOD, NOW)
    assert len(taken(again)) == 2


def test_after_a_rest_one_failure_holds_the_others_back() -> None:
    known = Endpoints(Limits(failures=5, rest=10))
    for _ in range(5):
        known.standing("a").note(BAD, known.limits("a"), NOW - 10)
    again = lanes(*"aaaaa", known=known)
    (probe,) = taken(again)
    again.back(probe[0], BAD, NOW)
    assert [left for _, left in again.held] == [20] * 4
    assert again.take(NOW) is None


def test_a_rate_lets_posts_go_as_time_passes_and_nobody_else_waits() -> None:
    known = Endpoints(each={"a": Limits(rate=10, burst=2)})
    both = lanes(*"aaaabb", known=known)
    assert by_endpoint(taken(both)) == {"a": 2, "b": 2}
    wait = both.asleep(NOW)
    assert wait is not None
    assert 0 < wait <= 0.1
    both.wake(NOW + wait + 0.001)
    assert by_endpoint(taken(both, NOW + wait + 0.001)) == {"a": 1}


def test_nothing_is_begun_after_the_last_moment() -> None:
    late = lanes(*"aab", known=Endpoints(Limits(rate=1)))
    taken(late)
    late.drop()
    assert (late.take(NOW), late.asleep(NOW), late.waiting) == (None, None, 0)


@given(
    some.lists(some.sampled_from("abcdef"), max_size=150),
    some.integers(1, 40),
    some.data(),
)
def test_every_post_is_begun_once_or_held_back_once(
    endpoints: list[str], in_flight: int, data: some.DataObject
) -> None:
    known = Endpoints(Limits(failures=4, rest=5, concurrency=7, rate=40, burst=3))
    all_of_them = Lanes(enumerate(endpoints), in_flight=in_flight, endpoints=known, now=NOW)
    now, begun, running = NOW, [], []
    while True:
        all_of_them.wake(now)
        new = taken(all_of_them, now)
        begun += [number for _, number in new]
        running += new
        assert len(running) == all_of_them.running <= in_flight
        assert max(by_endpoint(running).values(), default=0) <= 7
        if running:
            lane, _ = running.pop(data.draw(some.integers(0, len(running) - 1)))
            all_of_them.back(lane, data.draw(some.sampled_from([GOOD, GOOD, BAD])), now)
            all_of_them.widen()
            now += data.draw(some.sampled_from([0.0, 0.01, 6.0]))
        elif (wait := all_of_them.asleep(now)) is not None:
            now += wait
        else:
            break
    assert sorted(begun + [number for number, _ in all_of_them.held]) == list(range(len(endpoints)))
    assert all_of_them.waiting == 0
