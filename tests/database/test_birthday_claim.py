"""What is claimed: everything that is due, whoever wrote it however late, and nothing twice."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from services.birthday import closing, scheduler
from services.birthday.calendar import Hour
from services.birthday.store import chunks, claiming
from services.birthday.store.settling import Outcome
from tests.birthday import FakeContext, World, batch_of
from tests.receiver import Receiver, Reply

EIGHT = "2025-03-15T12:00:00Z"
NINE = "2025-03-15T13:00:00Z"


@pytest.fixture
def world(new_world: Callable[[str], World]) -> World:
    return new_world(EIGHT)


def claim(ctx: FakeContext) -> int:
    (kind,) = scheduler.known_kinds(ctx)
    with ctx.transaction() as db:
        return claiming.claim_due(db, kind)


def members(world: World) -> Counter[str]:
    """Whom the chunks there are would greet, and how often."""
    found: Counter[str] = Counter()
    for chunk, kind in world.admin.execute("select id, kind from birthday.chunks").fetchall():
        with world.ctx.transaction() as db:
            found.update(each.person_id for each in closing.render(db, chunks.Chunk(chunk, kind, 0, 0)))
    return found


def test_who_is_due_is_claimed_once_however_often_one_looks(world: World) -> None:
    people = [world.create()["id"] for _ in range(3)]
    assert claim(world.ctx) == 0
    world.now_is(NINE)
    assert [claim(world.ctx) for _ in range(3)] == [3, 0, 0]
    assert members(world) == Counter(people)


def test_a_transaction_that_commits_after_the_minute_was_claimed_is_claimed_by_the_next(world: World) -> None:
    early = world.create()["id"]
    slow = psycopg.connect(world.database.app)
    late = slow.execute(
        "with person as (insert into birthday.people"
        " (first_name, last_name, date_of_birth, timezone, created_at, updated_at)"
        " values ('Late', 'Comer', '1990-03-15', 'America/New_York', now(), now()) returning id)"
        " insert into birthday.dates (person_id, day, leap_day, year, wall, zone, tzdata, due_at)"
        " select id, '1990-03-15', 'march-1', 2025, '2025-03-15 09:00', 'UTC', '-', %s from person"
        " returning person_id::text",
        (NINE,),
    ).fetchone()
    world.now_is(NINE)
    assert claim(world.ctx) == 1
    slow.commit()
    slow.close()
    assert [claim(world.ctx), claim(world.ctx)] == [1, 0]
    assert late is not None
    assert members(world) == Counter([early, late[0]])


def test_while_one_tick_claims_the_others_do_not_wait(world: World) -> None:
    world.create()
    world.now_is(NINE)
    other = world.another_context()
    claim(other)
    world.pass_time(timedelta(days=365))
    with world.ctx.transaction() as mine:
        claiming.claim_due(mine, "birthday")
        assert claim(other) == 0
    other.close()


def test_a_claim_that_is_rolled_back_was_none(world: World) -> None:
    world.create()
    world.now_is(NINE)
    with pytest.raises(ZeroDivisionError), world.ctx.transaction() as db:
        claiming.kinds(db)
        assert claiming.claim_due(db, "birthday") == 1
        raise ZeroDivisionError
    assert claim(world.ctx) == 1


def test_a_slice_takes_all_of_its_last_instant_and_leaves_the_rest(world: World) -> None:
    first = [world.create()["id"] for _ in range(3)]
    then = [world.create(timezone="America/Chicago")["id"] for _ in range(2)]
    world.now_is("2025-03-15T20:00:00Z")
    with world.ctx.transaction() as db:
        claiming.kinds(db)
        assert claiming.claim_due(db, "birthday", limit=2) == 3
    assert members(world) == Counter(first)
    assert [claim(world.ctx), claim(world.ctx)] == [2, 0]
    assert members(world) == Counter(first + then)


def test_latecomers_do_not_make_a_short_slice_forget_how_far_it_was(world: World) -> None:
    world.create()
    world.now_is(NINE)
    claim(world.ctx)
    late = [world.create()["id"] for _ in range(3)]
    world.admin.execute(
        "update birthday.dates set year = 2025, due_at = %s, xid = pg_current_xact_id() where year = 2026",
        (NINE,),
    )
    with world.ctx.transaction() as db:
        assert claiming.claim_due(db, "birthday", limit=2) == len(late)
    known = world.admin.execute("select seen is not null from birthday.cursors").fetchall()
    assert known == [(True,)]
    assert claim(world.ctx) == 0


def test_a_clock_that_goes_back_and_comes_again_claims_nobody_twice_and_forgets_nobody(world: World) -> None:
    east = world.create()["id"]
    world.now_is(NINE)
    claim(world.ctx)
    world.now_is("2025-03-15T11:00:00Z")
    assert claim(world.ctx) == 0
    new = world.create()["id"]
    half_past = world.create(timezone="America/St_Johns")["id"]
    for now, count in (("11:10", 0), ("11:40", 1), ("13:00", 1), ("13:10", 0), ("14:00", 0)):
        world.now_is(f"2025-03-15T{now}:00Z")
        assert claim(world.ctx) == count, now
    assert members(world) == Counter([east, new, half_past])


def test_a_database_out_of_a_backup_counts_its_transactions_anew_and_loses_and_doubles_nothing(
    world: World,
) -> None:
    """A dump keeps the numbers of the old server's transactions; on a new server all are in the future."""
    sent = world.create()["id"]
    world.now_is(NINE)
    claim(world.ctx)
    west = world.create(timezone="America/Chicago")["id"]
    world.admin.execute("update birthday.dates set xid = (xid::text::bigint + 1000000)::text::xid8")
    for table in ("cursors", "chunks"):
        world.admin.execute(
            f"update birthday.{table} set seen = format('%1$s:%1$s:',"
            " pg_snapshot_xmax(seen)::text::bigint + 1000000)::pg_snapshot"
        )
    world.now_is("2025-03-15T14:00:00Z")
    new = world.create(timezone="America/Denver")["id"]
    assert [claim(world.ctx), claim(world.ctx)] == [1, 0]
    world.now_is("2025-03-15T15:00:00Z")
    assert [claim(world.ctx), claim(world.ctx), claim(world.ctx)] == [1, 0, 0]
    assert members(world) == Counter([sent, west, new])


def test_a_person_who_edits_while_the_greeting_is_posted_is_greeted_once_and_moved(
    world: World, hook: Receiver
) -> None:
    person = world.create()["id"]
    editor = world.another_context()

    def meanwhile(_: Any) -> Reply:
        mine, world.ctx = world.ctx, editor
        world.update(person, timezone="Asia/Tokyo", dateOfBirth="1990-12-24")
        world.ctx = mine
        return Reply()

    hook.answer = meanwhile
    world.now_is(NINE)
    world.minute()
    editor.close()
    assert len(hook.requests) == 1
    assert world.greetings("year, status, zone, wall::text") == [
        (2025, "delivered", None, None),
        (2026, "waiting", "Asia/Tokyo", "2026-12-24 09:00:00"),
    ]


def test_an_edit_that_holds_the_date_makes_the_record_wait_and_look_again(
    world: World, hook: Receiver
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    person = world.create()["id"]
    world.now_is(NINE)
    world.tick()
    (message,) = world.ctx.queues["bday-messages"]
    with world.ctx.transaction() as db:
        chunk = chunks.lease(db, message["chunk"], seconds=60)
        assert chunk is not None
        sent = [(each, Outcome(each.id, "delivered")) for each in closing.render(db, chunk)]
    editor = psycopg.connect(world.database.app)
    editor.execute("update birthday.people set timezone = 'Asia/Tokyo' where id = %s", (person,))
    editor.execute("update birthday.dates set edition = edition + 1 where person_id = %s", (person,))

    def record() -> Any:
        with world.ctx.transaction() as db:
            return closing.close(db, chunk, sent, {"birthday": Hour()})

    with ThreadPoolExecutor(1) as pool:
        recorded = pool.submit(record)
        waits = "datname = current_database() and wait_event_type = 'Lock'"
        while not world.admin.execute(f"select from pg_stat_activity where {waits}").fetchall():
            assert not recorded.done(), "the record must wait for the edit"
        editor.commit()
        assert recorded.result(timeout=10).delivered == 1
    editor.close()
    assert world.greetings("year, status, zone") == [
        (2025, "delivered", None),
        (2026, "waiting", "Asia/Tokyo"),
    ]


def test_a_year_that_was_greeted_can_never_be_due_again(world: World) -> None:
    world.create()
    world.now_is(NINE)
    world.minute()
    with pytest.raises(psycopg.errors.CheckViolation):
        world.admin.execute("update birthday.dates set year = 2025, due_at = now()")


def test_the_same_greeting_out_of_a_backup_has_the_same_id(world: World) -> None:
    world.create()
    (before,) = world.greetings("id")
    world.now_is(NINE)
    world.minute()
    world.admin.execute("delete from birthday.greetings")
    world.admin.execute("update birthday.dates set year = 2025, greeted_year = 0, due_at = %s", (NINE,))
    assert world.greetings("id") == [before]
    assert before[0].version == 8


def test_a_retry_and_a_first_greeting_of_one_minute_are_both_sent(world: World, hook: Receiver) -> None:
    world.create(firstName="Ada", timezone="America/New_York")
    world.create(firstName="Bob", timezone="America/Chicago")
    hook.answer = lambda request: Reply(500 if b"Ada" in request.body else 200)
    world.now_is(NINE)
    world.minute()
    hook.always(200)
    world.now_is("2025-03-15T14:00:00Z")
    world.minute()
    assert [b"Ada" in request.body for request in hook.requests].count(True) == 2
    assert Counter(world.greetings("year, status")) == {(2025, "delivered"): 2, (2026, "waiting"): 2}


def test_a_message_for_a_chunk_that_is_gone_changes_nothing(world: World, hook: Receiver) -> None:
    from services.birthday import worker

    world.create()
    world.now_is(NINE)
    world.tick()
    (message,) = world.ctx.queues["bday-messages"]
    world.deliver()
    worker.deliver(batch_of(message, message), world.ctx)
    assert len(hook.requests) == 1
