"""Orders as their API answers on a real database: whose they are, how they move, how lists are read."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from lamppost.diagnose.tenancy.leaks import leaks, scopes
from lamppost.pack.discover import discover
from lamppost.testing.databases import TestDatabase
from lamppost.testing.plugin import MakeDatabase
from tests.app import Answer, App, serving
from tests.running import ROOT

PLACE = "orders POST /orders"
LIST = "orders GET /orders"
FIND = "orders GET /orders/{id}"
CHANGE = "orders PATCH /orders/{id}"
DISCARD = "orders DELETE /orders/{id}"
STEPS = ("submit", "ship", "complete", "cancel")
BOLTS = {"sku": "bolt-m8", "quantity": 100, "unitPrice": 12}
NUTS = {"sku": "nut-m8", "quantity": 7, "unitPrice": 3}
ORDER = {"customer": "Babbage", "currency": "GBP", "lines": [BOLTS, NUTS]}


@pytest.fixture
def base(database: MakeDatabase) -> TestDatabase:
    return database("users", "orders")


@pytest.fixture
def app(base: TestDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[App]:
    with serving(base, monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def organisation(app: App) -> str:
    return str(app("ada", "users POST /organisations", {"name": "Engines"}).json["id"])


def join(app: App, organisation: str, person: str, role: str) -> None:
    invite = "users POST /organisations/{organisation}/memberships"
    app("ada", invite, {"subject": person, "role": role}, organisation=organisation)
    accept = "users POST /organisations/{organisation}/accept"
    assert app(person, accept, {}, organisation=organisation).status == 200


def place(app: App, person: str = "ada", key: str = "", query: str = "", **changes: Any) -> Any:
    headers = {"idempotency-key": key or str(uuid4())}
    answer = app(person, PLACE, {**ORDER, **changes}, headers=headers, query=query)
    assert answer.status == 201, answer.text
    return answer.json


def step(app: App, name: str, id: str, person: str = "ada", query: str = "") -> Answer:
    return app(person, f"orders POST /orders/{{id}}/{name}", id=id, query=query)


def at(app: App, *steps: str) -> str:
    """An order that took these steps."""
    id = str(place(app)["id"])
    for name in steps:
        assert step(app, name, id).status == 200
    return id


def pages(app: App, query: str, person: str = "ada") -> Iterator[Any]:
    """The pages of a list, one after the other."""
    cursor = ""
    while True:
        page = app(person, LIST, query=query + cursor).json
        yield page["items"]
        if page["next"] is None:
            return
        cursor = f"&cursor={page['next']}"


def together(count: int, work: Any) -> list[Answer]:
    """What `count` threads got, which began at one moment."""
    gate = threading.Barrier(count)

    def begin(n: int) -> Answer:
        gate.wait()
        answer: Answer = work(n)
        return answer

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(begin, range(count)))


def test_no_wall_between_organisations_has_a_gap(base: TestDatabase) -> None:
    [scope] = scopes(discover(ROOT))["app"]
    assert set(scope.schemas) == {"users", "orders"}
    assert leaks(base.connect(), scope) == []


def test_an_order_is_a_draft_whose_total_is_the_sum_of_its_lines(app: App, organisation: str) -> None:
    order = place(app)
    assert (order["status"], order["version"], order["total"]) == ("draft", 1, 1221)
    assert order["lines"] == [BOLTS, NUTS]
    assert app("ada", FIND, id=order["id"]).json == order


def test_the_largest_order_is_counted_exactly(app: App, organisation: str) -> None:
    most = {"sku": "x", "quantity": 10_000, "unitPrice": 1_000_000_000}
    order = place(app, lines=[most] * 100)
    assert order["total"] == 10**15
    assert len(app("ada", FIND, id=order["id"]).json["lines"]) == 100


@pytest.mark.parametrize(
    "wrong",
    [
        {"lines": []}, {"lines": [BOLTS] * 101}, {"currency": "gbp"}, {"currency": "GBP\n"},
        {"customer": " "}, {"customer": "x" * 101}, {"customer": "a\u2028b"},
        {"lines": [{**BOLTS, "quantity": 0}]}, {"lines": [{**BOLTS, "quantity": 1.5}]},
        {"lines": [{**BOLTS, "unitPrice": -1}]}, {"lines": [{**BOLTS, "sku": "a b"}]}, {"total": 1},
    ],
)  # fmt: skip
def test_what_is_no_order_is_refused(app: App, organisation: str, wrong: dict[str, Any]) -> None:
    answer = app("ada", PLACE, {**ORDER, **wrong}, headers={"idempotency-key": "k"})
    assert answer.status == 422, answer.text
    assert app("ada", LIST).json["items"] == []


def test_an_order_needs_a_key_and_is_placed_once_under_it(app: App, organisation: str) -> None:
    assert app("ada", PLACE, ORDER).refusal == (400, "idempotency_key_missing")
    first, again = place(app, key="once"), place(app, key="once")
    assert first == again
    assert len(app("ada", LIST).json["items"]) == 1
    other = app("ada", PLACE, {**ORDER, "customer": "Eve"}, headers={"idempotency-key": "once"})
    assert other.refusal == (422, "idempotency_key_reused")


def test_many_at_once_under_one_key_place_one_order(app: App, organisation: str) -> None:
    answers = together(8, lambda n: app("ada", PLACE, ORDER, headers={"idempotency-key": "once"}))
    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.json["id"] for answer in answers if answer.status == 201}) == 1
    assert len(app("ada", LIST).json["items"]) == 1


def test_a_foreign_order_does_not_exist(app: App, organisation: str) -> None:
    id = place(app)["id"]
    eve = app("eve", "users POST /organisations", {"name": "Evil"}).json["id"]
    calls = [(FIND, None), (CHANGE, {"version": 1, "customer": "Eve"}), (DISCARD, None)]
    calls += [(f"orders POST /orders/{{id}}/{name}", None) for name in STEPS]
    for call, body in calls:
        assert app("eve", call, body, id=id).refusal == (404, "order_not_found"), call
        inside = app("eve", call, body, id=id, query=f"organisation={organisation}")
        assert inside.refusal == (404, "tenant_not_found"), call
        assert app("ada", call, body, id=id, query=f"organisation={eve}").status == 404
    assert app("eve", LIST).json["items"] == []
    assert app("ada", FIND, id=id).json["version"] == 1


def test_a_person_of_two_organisations_says_which(app: App, organisation: str) -> None:
    second = app("ada", "users POST /organisations", {"name": "Looms"}).json["id"]
    assert app("ada", LIST).refusal == (400, "tenant_required")
    place(app, query=f"organisation={second}")
    counts = [
        len(app("ada", LIST, query=f"organisation={each}").json["items"]) for each in (organisation, second)
    ]
    assert counts == [0, 1]


def test_strangers_and_the_suspended_see_nothing(app: App, organisation: str) -> None:
    assert app(None, LIST).refusal == (401, "unauthenticated")
    assert app("eve", LIST).refusal == (403, "no_membership")


def test_a_viewer_reads_and_writes_nothing(app: App, organisation: str) -> None:
    join(app, organisation, "vera", "viewer")
    id = place(app)["id"]
    assert app("vera", FIND, id=id).status == 200
    assert len(app("vera", LIST).json["items"]) == 1
    writes = [(CHANGE, {"version": 1}), (DISCARD, None)]
    writes += [(f"orders POST /orders/{{id}}/{name}", None) for name in STEPS]
    for call, body in writes:
        assert app("vera", call, body, id=id).refusal == (403, "role_required"), call
    refused = app("vera", PLACE, ORDER, headers={"idempotency-key": "v"})
    assert refused.refusal == (403, "role_required")


@pytest.mark.parametrize(
    ("before", "allowed"),
    [
        ((), {"submit", "cancel"}),
        (("submit",), {"ship", "cancel"}),
        (("submit", "ship"), {"complete", "cancel"}),
        (("submit", "ship", "complete"), set()),
        (("cancel",), set()),
    ],
)
def test_a_status_is_left_only_by_the_steps_that_begin_there(
    app: App, organisation: str, before: tuple[str, ...], allowed: set[str]
) -> None:
    for name in STEPS:
        id = at(app, *before)
        status = app("ada", FIND, id=id).json["status"]
        answer = step(app, name, id)
        assert answer.status == (200 if name in allowed else 409), (before, name)
        if answer.status == 409:
            assert (answer.json["code"], answer.json["errors"][0]["code"]) == ("order_status", status)


def test_only_a_manager_cancels_what_is_shipped(app: App, organisation: str) -> None:
    join(app, organisation, "ben", "member")
    join(app, organisation, "amy", "admin")
    id = at(app, "submit", "ship")
    assert step(app, "cancel", id, "ben").refusal == (409, "order_status")
    assert step(app, "cancel", id, "amy").json["status"] == "cancelled"
    assert step(app, "cancel", at(app, "submit"), "ben").status == 200


def test_of_many_who_move_one_order_at_once_one_wins(app: App, organisation: str) -> None:
    # A manager might cancel what has just been shipped: both would move it, one after the other.
    join(app, organisation, "ben", "member")
    for _ in range(5):
        id = at(app, "submit")
        names = ("ship", "cancel", "ship", "cancel")
        answers = together(4, lambda n, id=id, names=names: step(app, names[n], id, "ben"))
        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
        assert app("ada", FIND, id=id).json["version"] == 3


def test_a_draft_is_changed_in_parts_and_its_total_follows(app: App, organisation: str) -> None:
    id = place(app)["id"]
    changed = app("ada", CHANGE, {"version": 1, "customer": " Lovelace "}, id=id).json
    assert (changed["customer"], changed["currency"], changed["total"]) == ("Lovelace", "GBP", 1221)
    changed = app("ada", CHANGE, {"version": 2, "lines": [NUTS]}, id=id).json
    assert (changed["version"], changed["total"], changed["lines"]) == (3, 21, [NUTS])
    assert app("ada", FIND, id=id).json == changed


def test_whoever_changes_what_they_have_not_seen_is_refused(app: App, organisation: str) -> None:
    id = place(app)["id"]
    body = {"version": 1, "lines": [NUTS]}
    answers = together(6, lambda n: app("ada", CHANGE, {**body, "customer": f"C {n}"}, id=id))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert {answer.json["code"] for answer in answers if answer.status == 409} == {"order_changed"}
    [winner] = [answer.json for answer in answers if answer.status == 200]
    assert app("ada", FIND, id=id).json == winner


def test_what_is_submitted_is_neither_changed_nor_discarded(app: App, organisation: str) -> None:
    id = at(app, "submit")
    assert app("ada", CHANGE, {"version": 2}, id=id).refusal == (409, "order_status")
    assert app("ada", DISCARD, id=id).refusal == (409, "order_status")
    draft = at(app)
    assert app("ada", DISCARD, id=draft).status == 204
    assert app("ada", FIND, id=draft).refusal == (404, "order_not_found")
    assert app("ada", DISCARD, id=draft).refusal == (404, "order_not_found")


def test_a_list_that_grows_while_it_is_read_has_no_gap_and_nothing_twice(app: App, organisation: str) -> None:
    before = [place(app)["id"] for _ in range(60)]
    seen: list[str] = []
    done = threading.Event()

    def grow() -> None:
        while not done.is_set():
            place(app)

    growing = threading.Thread(target=grow)
    growing.start()
    try:
        for items in pages(app, "limit=7"):
            seen += [item["id"] for item in items]
    finally:
        done.set()
        growing.join()
    assert len(seen) == len(set(seen))
    assert [id for id in seen if id in set(before)] == before[::-1]


def test_orders_of_one_moment_are_all_listed(app: App, organisation: str, base: TestDatabase) -> None:
    ids = {place(app)["id"] for _ in range(9)}
    base.connect(admin=True).execute("update orders.orders set created_at = '2025-01-01'")
    seen = [item["id"] for items in pages(app, "limit=2") for item in items]
    assert (len(seen), set(seen)) == (9, ids)


def test_a_list_shows_what_is_asked_for(app: App, organisation: str, base: TestDatabase) -> None:
    draft, sent = at(app), at(app, "submit")
    other = place(app, customer="Lovelace & Co")["id"]
    base.connect(admin=True).execute(
        "update orders.orders set created_at = '2025-03-01T00:00:00Z' where id = %s", (other,)
    )

    def asked(query: str) -> list[str]:
        return [item["id"] for item in app("ada", LIST, query=query).json["items"]]

    assert asked("status=submitted") == [sent]
    assert asked(f"customer={quote('Lovelace & Co')}") == [other]
    assert asked("created_before=2025-03-01T00:00:00Z") == []
    assert asked("created_since=2025-03-01T00:00:00Z&created_before=2025-03-01T00:00:01Z") == [other]
    assert asked("created_since=2025-03-01T00:00:01Z") == [sent, draft]
    assert asked("created_since=2025-03-01T02:00:01%2B02:00&status=draft") == [draft]
    for wrong in ("status=lost", "created_since=2025-03-01", "created_since=2025-03-01T00:00:00", "limit=0"):
        assert app("ada", LIST, query=wrong).status == 422, wrong


def test_a_cursor_holds_for_its_list_alone_and_as_it_is(app: App, organisation: str) -> None:
    for _ in range(3):
        place(app)
    cursor = app("ada", LIST, query="limit=1&status=draft").json["next"]
    assert app("ada", LIST, query=f"limit=2&status=draft&cursor={cursor}").status == 200

    eve = app("eve", "users POST /organisations", {"name": "Evil"}).json["id"]
    assert app("eve", LIST, query=f"status=draft&cursor={cursor}").refusal == (400, "cursor_invalid")
    named = f"status=draft&cursor={cursor}&organisation={eve}"
    assert app("eve", LIST, query=named).refusal == (400, "cursor_invalid")
    for other in ("", "status=submitted&", "status=draft&customer=Babbage&"):
        assert app("ada", LIST, query=f"{other}cursor={cursor}").refusal == (400, "cursor_invalid")
    altered = {cursor[:n] + ("A" if cursor[n] != "A" else "B") + cursor[n + 1 :] for n in range(len(cursor))}
    altered |= {cursor[:-1], cursor + "A", cursor + "=", cursor + "%0A", "A", "%C3%A4", "+" + cursor}
    for each in sorted(altered):
        answer = app("ada", LIST, query=f"status=draft&cursor={each}")
        assert answer.refusal == (400, "cursor_invalid"), each
