"""People and their next greeting, as the API keeps them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from lamppost.errors import CallerError, OperatorError
from services.birthday import api, calendar, worker
from services.birthday.store import dates
from tests.birthday import World, batch_of, refused
from tests.receiver import receiver


@pytest.fixture
def world(database: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("LAMPPOST_ALLOW_WEBHOOK", "loopback")
    here = World(database("birthday"), "https://hooks.example.com/h")
    here.now_is("2025-03-01T00:00:00Z")
    yield here
    here.close()


def test_a_person_is_answered_as_stored_with_the_next_greeting(world: World) -> None:
    person = world.create(firstName="  Ada ", lastName="Lovelace", timezone="Europe/London")
    assert UUID(person["id"])
    assert {name: person[name] for name in person if name not in ("id", "createdAt", "updatedAt")} == {
        "firstName": "Ada",
        "lastName": "Lovelace",
        "dateOfBirth": "1990-03-15",
        "timezone": "Europe/London",
        "leapDay": "march-1",
        "nextGreetingAt": "2025-03-15T09:00:00Z",
    }
    assert person["createdAt"].startswith("2025-03-01T00:00:0")
    assert person["createdAt"].endswith("Z")
    assert world.get(person["id"]) == person


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2025-03-15T12:59:58Z", "2025-03-15T13:00:00Z"),
        ("2025-03-15T13:00:00Z", "2026-03-15T13:00:00Z"),
        ("2025-03-15T20:00:00Z", "2026-03-15T13:00:00Z"),
    ],
)
def test_someone_who_registers_on_their_birthday_is_greeted_that_day_only_before_nine(
    world: World, now: str, due: str
) -> None:
    world.now_is(now)
    assert world.create()["nextGreetingAt"] == due


@pytest.mark.parametrize(
    ("asked", "due"), [("march-1", "2025-03-01T00:00:00Z"), ("february-28", "2025-02-28T00:00:00Z")]
)
def test_a_leap_day_child_chooses_the_day_for_ordinary_years(world: World, asked: str, due: str) -> None:
    world.now_is("2025-01-01T00:00:00Z")
    person = world.create(dateOfBirth="2000-02-29", timezone="Asia/Tokyo", leapDay=asked)
    assert person["nextGreetingAt"] == due


def test_the_operator_sets_what_leap_day_children_get_unless_they_say(world: World) -> None:
    world.ctx.parameters["/bday/leap-day"] = "february-28"
    assert world.create(dateOfBirth="2000-02-29")["leapDay"] == "february-28"
    assert world.create(dateOfBirth="2000-02-29", leapDay="march-1")["leapDay"] == "march-1"
    assert world.create(dateOfBirth="2000-03-01")["leapDay"] == "march-1"
    world.ctx.parameters["/bday/leap-day"] = "march-2"
    with pytest.raises(OperatorError, match="march-2"):
        world.create(dateOfBirth="2000-02-29")


def test_a_change_of_birth_date_moves_the_greeting(world: World) -> None:
    person = world.create()
    changed = world.update(person["id"], dateOfBirth="1990-06-01")
    assert changed["nextGreetingAt"] == "2025-06-01T13:00:00Z"
    assert (changed["firstName"], changed["dateOfBirth"]) == ("John", "1990-06-01")
    assert world.greetings("year, status, zone, wall::text") == [
        (2025, "waiting", "America/New_York", "2025-06-01 09:00:00")
    ]


def test_a_birth_date_that_has_passed_this_year_moves_the_greeting_to_next_year(world: World) -> None:
    person = world.create()
    assert world.update(person["id"], dateOfBirth="1990-02-01")["nextGreetingAt"] == "2026-02-01T14:00:00Z"
    assert world.update(person["id"], dateOfBirth="1990-04-01")["nextGreetingAt"] == "2025-04-01T13:00:00Z"


def test_a_change_of_zone_keeps_nine_oclock_where_the_person_is(world: World) -> None:
    person = world.create()
    assert world.update(person["id"], timezone="Asia/Tokyo")["nextGreetingAt"] == "2025-03-15T00:00:00Z"


def test_moving_east_past_nine_waits_for_next_year_instead_of_greeting_at_once(world: World) -> None:
    person = world.create(timezone="Pacific/Honolulu")
    world.now_is("2025-03-15T18:00:00Z")
    moved = world.update(person["id"], timezone="Europe/Berlin")
    assert moved["nextGreetingAt"] == "2026-03-15T08:00:00Z"
    world.tick()
    assert world.greetings() == [(2026, "waiting", 0)]


def test_a_greeting_that_is_due_and_not_sent_survives_any_move(world: World) -> None:
    person = world.create()
    world.now_is("2025-03-15T13:00:30Z")
    world.update(person["id"], timezone="Asia/Tokyo", dateOfBirth="1990-12-24")
    assert world.greetings("year, status, due_at <= lamppost.now()") == [(2025, "waiting", True)]


def test_a_date_that_is_claimed_while_it_moves_goes_out_where_it_moved_and_nowhere_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.create()
    world.now_is("2025-03-15T12:59:00Z")
    real, other = dates.hold, world.another_context()

    def nine_strikes(*arguments: Any) -> Any:
        found = real(*arguments)
        world.now_is("2025-03-15T13:00:00Z")
        world.tick(other)
        return found

    monkeypatch.setattr(dates, "hold", nine_strikes)
    world.update(person["id"], dateOfBirth="1990-12-24")
    worker.deliver(batch_of(*other.queues["bday-messages"]), other)
    other.close()
    assert (world.count("chunks"), world.count("lamppost.attempts")) == (0, 0)
    assert world.greetings("year, status, wall::date::text") == [(2025, "waiting", "2025-12-24")]


def greeted(world: World) -> str:
    """Someone whose greeting of 2025 is delivered, on 15 March."""
    person: str = world.create()["id"]
    world.now_is("2025-03-15T13:00:00Z")
    with receiver() as hook:
        world.ctx.parameters["/bday/webhook-url"] = hook.url
        world.minute()
    world.now_is("2025-03-15T14:00:00Z")
    return person


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ({"dateOfBirth": "1990-12-24"}, "2026-12-24T14:00:00Z"),
        ({"dateOfBirth": "1990-03-16"}, "2026-03-16T13:00:00Z"),
        ({"timezone": "Pacific/Honolulu"}, "2026-03-15T19:00:00Z"),
        ({"timezone": "Pacific/Pago_Pago", "dateOfBirth": "1990-03-15"}, "2026-03-15T20:00:00Z"),
    ],
)
def test_who_was_greeted_this_year_is_not_greeted_again_whatever_moves(
    world: World, change: dict[str, str], due: str
) -> None:
    person = greeted(world)
    assert world.update(person, **change)["nextGreetingAt"] == due
    assert world.greetings() == [(2025, "delivered", 1), (2026, "waiting", 0)]


def test_a_change_of_name_moves_nothing(world: World) -> None:
    person = world.create()
    before = world.greetings("id, due_at, try_at")
    assert world.update(person["id"], lastName="Roe")["lastName"] == "Roe"
    assert world.greetings("id, due_at, try_at") == before


def test_an_edit_that_waits_for_the_greeting_to_be_recorded_moves_next_years(world: World) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from services.birthday import closing
    from services.birthday.calendar import Hour
    from services.birthday.store import chunks
    from services.birthday.store.settling import Outcome

    person = world.create()["id"]
    world.now_is("2025-03-15T13:00:00Z")
    world.tick()
    chunk_id = world.ctx.queues["bday-messages"][0]["chunk"]
    with world.ctx.transaction() as db:
        chunk = chunks.lease(db, UUID(chunk_id), seconds=60)
    assert chunk is not None
    editor = world.another_context()
    with ThreadPoolExecutor(1) as pool:
        with world.ctx.transaction() as db:
            sent = [(each, Outcome(each.id, "delivered")) for each in closing.render(db, chunk)]
            closing.close(db, chunk, sent, {"birthday": Hour()})
            edit = pool.submit(api.update_user, UUID(person), api.Changes(timezone="Asia/Tokyo"), editor)
            waits = "datname = current_database() and wait_event_type = 'Lock'"
            while not world.admin.execute(f"select from pg_stat_activity where {waits}").fetchall():
                assert not edit.done(), "the edit must wait for the record"
        edit.result(timeout=10)
    editor.close()
    assert world.greetings("year, status, zone") == [
        (2025, "delivered", None),
        (2026, "waiting", "Asia/Tokyo"),
    ]


def test_a_deleted_person_leaves_nothing(world: World) -> None:
    person = world.create()
    world.delete(person["id"])
    assert world.count("greetings") == 0
    for call in (world.get, world.delete, world.update):
        with pytest.raises(CallerError) as caught:
            call(person["id"])
        assert refused(caught.value) == (404, "USER_NOT_FOUND", "")


def test_whom_nobody_knows_is_not_found(world: World) -> None:
    with pytest.raises(CallerError) as caught:
        world.get(str(uuid4()))
    assert refused(caught.value) == (404, "USER_NOT_FOUND", "")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("firstName", "\u200b", "invalid_text"),
        ("lastName", "x" * 101, "invalid_text"),
        ("dateOfBirth", "2025-03-02", "invalid_date"),
        ("dateOfBirth", "9999-12-31", "invalid_date"),
        ("timezone", "utc", "unknown_time_zone"),
    ],
)
def test_a_refused_field_is_named_and_nothing_is_stored_or_changed(
    world: World, field: str, value: str, code: str
) -> None:
    with pytest.raises(CallerError) as caught:
        world.create(**{field: value})
    assert refused(caught.value) == (422, code, field)
    assert world.count("people") == 0
    person = world.create()
    with pytest.raises(CallerError) as caught:
        world.update(person["id"], **{field: value})
    assert refused(caught.value) == (422, code, field)
    assert world.get(person["id"]) == person


def test_the_instant_is_stored_with_all_that_made_it(world: World) -> None:
    world.create(timezone="Asia/Kathmandu")
    assert world.greetings("wall, zone, tzdata, due_at, try_at = due_at") == [
        (
            datetime.fromisoformat("2025-03-15T09:00:00"),
            "Asia/Kathmandu",
            calendar.TZDATA,
            datetime(2025, 3, 15, 3, 15, tzinfo=UTC),
            True,
        )
    ]


def test_central_european_time_has_summers_whatever_postgresql_thinks(world: World) -> None:
    assert world.create(timezone="CET", dateOfBirth="1990-07-01")["nextGreetingAt"] == "2025-07-01T07:00:00Z"
