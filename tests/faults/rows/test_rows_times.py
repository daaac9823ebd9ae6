"""Rows 17, 19, 21 and 22: an endpoint that is dead for a day, and clocks that do what clocks do."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.bad_inputs import CASES
from tests.faults.rows.conftest import PlayRow
from tests.faults.rows.ground import DEAD, RETRIES, Ground
from tests.forms import Form

STEP = timedelta(minutes=30)
WAITS = [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2)]
# What we take for the work between two ticks, at most.
SLOW = timedelta(minutes=5)
ATTEMPTS = "select message_id, array_agg(at order by attempt) from lamppost.attempts where at > %s group by 1"


def redriven(here: Ground) -> int:
    """All dead letters come back, as `lamppost queue redrive` brings them; how many."""
    moved: dict[str, int] = here.aws.run(here.aws.queues.redrive(DEAD))
    while here.waiting():
        here.deliver()
    return sum(moved.values())


def test_an_endpoint_that_is_dead_for_a_day_is_tried_five_times_and_repaired_by_a_redrive(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("17", "the endpoint is dead for 24 hours") as row:
        for _ in range(form.count(short=1, long=5)):
            people = here.round(form.count(short=20, long=200))
            began = here.at
            dead_until = here.at + timedelta(hours=24)
            here.auditor.behave(status=503)
            for wait in RETRIES:
                here.tick()
                here.deliver()
                here.pass_time(wait)
            while here.at < dead_until:
                here.tick()
                here.deliver()
                here.pass_time(STEP)
            tried = here.admin.execute(ATTEMPTS, (began,)).fetchall()
            assert len(tried) == len(people)
            for _, times in tried:
                gaps = [after - before for before, after in pairwise(times)]
                assert len(gaps) == len(RETRIES)
                # No sooner than it must be, and with the first tick after its spread.
                assert all(least <= gap for least, gap in zip(WAITS, gaps, strict=True))
                assert all(gap < most + SLOW for most, gap in zip(RETRIES, gaps, strict=True))
            assert here.waiting(DEAD) == len(people)
            here.auditor.behave()
            assert redriven(here) == len(people)
            row.ran(recovery=here.heal(people))
            delivered = [post for post in here.auditor.posts() if post["status"] == 200]
            assert len(delivered) == len(people) * row.runs
        assert row.audit(here)["most"] == 6


def test_an_endpoint_that_wants_nothing_more_is_asked_once_until_it_is_another(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("17", "the endpoint says 410, until its URL changes") as row:
        for number in range(form.count(short=1, long=10)):
            people = here.round(5)
            here.auditor.behave(status=410)
            here.tick()
            here.deliver()
            asked = here.auditor.arrived()
            for _ in range(5):
                here.pass_time(timedelta(hours=1))
                here.tick()
                here.deliver()
            assert here.auditor.arrived() == asked
            here.auditor.behave()
            here.point_to(f"{here.auditor.hook}?{number}")
            row.ran(recovery=here.heal(people))
        assert row.audit(here)["most"] <= 2


def test_clocks_that_jump_and_nodes_that_disagree_send_nothing_twice_and_lose_nothing(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("19", "the clock jumps by +1 d, -1 h; a node is 1 h off") as row:
        for number in range(form.count(short=3, long=60)):
            dice = form.dice(number)
            people = here.round()
            drift = str(dice.choice((-3600, 0, 3600)))
            here.functions.start("scheduler", here.minute(), WALL_CLOCK_OFF=drift).wait()
            if dice.random() < 0.5:
                here.deliver(WALL_CLOCK_OFF=drift)
            here.pass_time(timedelta(hours=-1))
            here.tick()
            here.deliver()
            here.pass_time(timedelta(days=1))
            row.ran(recovery=here.heal(people))
        assert row.audit(here)["duplicates"] == 0


def test_three_hours_without_a_scheduler_are_made_up_for_once(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("21", "no tick for three hours") as row:
        for _ in range(form.count(short=1, long=20)):
            people = [person for _ in range(3) for person in here.round(10)]
            row.ran(recovery=here.heal(people))
            order = [post["due"] for post in here.auditor.posts()]
            assert order == sorted(order)
        assert row.audit(here)["duplicates"] == 0


def test_mornings_that_are_skipped_shortened_or_lived_twice_are_greeted_at_the_listed_instant(
    here: Ground, form: Form, play: PlayRow
) -> None:
    mornings = sorted(CASES["mornings"], key=lambda case: (case["due"], case["day"]))
    with play("22", "clocks change, a day is skipped, 29 February") as row:
        for case in [*mornings, *LEAPS][:: form.count(short=3, long=1)]:
            due = datetime.fromisoformat(case["due"])
            here.set_clock(due - timedelta(hours=2))
            (person,) = here.register(
                1, dateOfBirth=case.get("born") or f"1950{case['day'][4:]}", timezone=case["zone"]
            )
            here.people = [{"id": person, "due": [case["due"]]}]
            greeted_at(here, due)
            row.audit(here)
            here.admin.execute("delete from birthday.people")
            here.auditor.anew()
            row.ran()


LEAPS: list[dict[str, Any]] = [
    {"zone": "Etc/UTC", "born": "2000-02-29", "due": "2027-03-01T09:00:00Z"},
    {"zone": "Etc/UTC", "born": "2000-02-29", "due": "2028-02-29T09:00:00Z"},
]


def greeted_at(here: Ground, due: datetime) -> None:
    """Not a second earlier."""
    here.set_clock(due.astimezone(UTC) - timedelta(seconds=2))
    here.tick()
    here.deliver()
    assert here.auditor.arrived() == 0
    here.set_clock(due)
    here.tick()
    here.deliver()
    assert here.auditor.arrived() == 1


def test_whoever_moves_is_greeted_once_a_year_wherever_they_go(
    here: Ground, form: Form, play: PlayRow
) -> None:
    with play("22", "the zone is edited before and after the greeting") as row:
        for _ in range(form.count(short=1, long=10)):
            here.set_clock(here.at.replace(hour=0, minute=30, second=0, microsecond=0) + timedelta(days=1))
            day = f"1990-{here.at:%m-%d}"
            east, west = "Asia/Tokyo", "America/Los_Angeles"
            early, moved = (here.register(1, dateOfBirth=day, timezone=zone)[0] for zone in (west, east))
            nine_in = {east: here.at.replace(hour=0), west: here.at.replace(hour=17)}
            # It is past nine in Tokyo already: who moves there now is greeted next year, not for the past.
            edit(here, early, east)
            # Who leaves Tokyo, where the year's nine o'clock is over, is greeted where they go.
            edit(here, moved, west)
            here.people = [*here.people[:-2], {"id": early, "due": []}, {"id": moved, "due": []}]
            here.people[-1]["due"] = [nine_in[west].replace(minute=0).isoformat()]
            here.tick()
            here.deliver()
            here.set_clock(nine_in[west].replace(minute=0))
            here.heal([moved])
            edit(here, moved, "Pacific/Honolulu")
            here.pass_time(timedelta(hours=3))
            here.tick()
            here.deliver()
            row.ran()
        assert row.audit(here)["duplicates"] == 0


def edit(here: Ground, person: str, zone: str) -> None:
    """PUT /user/{id}."""
    from tests.faults.rows.ground import http

    answer = here.call("api", http("PUT /user/{id}", {"timezone": zone}, id=person))
    assert answer["statusCode"] == 200, answer
