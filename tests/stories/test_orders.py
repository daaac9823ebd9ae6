"""Two people, two organisations and their orders, in a running system with tokens of its issuer."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.running import Answer, House

LINES = [{"sku": "bolt-m8", "quantity": 100, "unitPrice": 12}]
ORDER = {"customer": "Babbage", "currency": "GBP", "lines": LINES}


class Person:
    """Somebody with a token and an organisation of their own; `spend` counts no calls of theirs."""

    def __init__(self, house: House, name: str) -> None:
        self.house = house
        token = house.run("token", "--as", f"{name}-{uuid.uuid4()}", "--service", "users", "--json")["token"]
        self.headers = {"authorization": f"Bearer {token}"}
        self.subject = self.ask("users", "POST", "/profile", {"name": name}).json["subject"]
        self.organisation = self.ask("users", "POST", "/organisations", {"name": f"{name}'s"}).json["id"]

    def ask(self, api: str, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        headers = {**self.headers, **({"idempotency-key": key} if key else {})}
        return self.house.ask(method, path, body, headers, api=api)

    def place(self, key: str = "", **changes: Any) -> Any:
        answer = self.ask("orders", "POST", "/orders", {**ORDER, **changes}, key or str(uuid.uuid4()))
        assert answer.status == 201, answer.body
        return answer.json


@pytest.fixture
def ada(house: House) -> Person:
    return Person(house, "ada")


@pytest.fixture
def eve(house: House) -> Person:
    return Person(house, "eve")


def pages(person: Person, limit: int) -> Iterator[list[str]]:
    """The ids on each page, with time for others between two pages."""
    cursor = ""
    while True:
        page = person.ask("orders", "GET", f"/orders?limit={limit}{cursor}").json
        yield [item["id"] for item in page["items"]]
        if page["next"] is None:
            return
        cursor = f"&cursor={page['next']}"


def copy_order(house: House, person: Person, count: int, *, age: str) -> list[str]:
    """`count` more orders of the person's organisation, each a moment apart; the ids, newest first."""
    with house.database("app") as db:
        rows = db.execute(
            "insert into orders.orders (tenant_id, customer, currency, total, created_by, created_at)"
            " select %s, 'many', 'EUR', n, %s, lamppost.now() - %s::interval - n * interval '1 second'"
            " from generate_series(1, %s) as n returning id",
            (person.organisation, person.subject, age, count),
        )
        return [str(id) for (id,) in rows.fetchall()]


def test_users_tells_the_time_to_anybody(house: House) -> None:
    for path in ("", "/"):
        answer = house.ask("GET", path or "/", api="users")
        assert (answer.status, list(answer.json)) == (200, ["now"])


def test_an_order_goes_from_its_draft_to_its_completion(ada: Person) -> None:
    order = ada.place()
    assert (order["total"], order["createdBy"]) == (1200, ada.subject)
    for step, status in (("submit", "submitted"), ("ship", "shipped"), ("complete", "completed")):
        assert ada.ask("orders", "POST", f"/orders/{order['id']}/{step}").json["status"] == status
    refused = ada.ask("orders", "POST", f"/orders/{order['id']}/cancel")
    assert (refused.status, refused.json["errors"][0]["code"]) == (409, "completed")


def test_a_repeated_order_is_placed_once(ada: Person) -> None:
    key = str(uuid.uuid4())
    first = ada.place(key)
    again = ada.ask("orders", "POST", "/orders", ORDER, key)
    assert (again.json, again.headers["idempotent-replayed"]) == (first, "true")
    assert ada.ask("orders", "POST", "/orders", ORDER).json["code"] == "idempotency_key_missing"
    assert [len(page) for page in pages(ada, 10)] == [1]


def test_a_key_is_its_callers(ada: Person, eve: Person) -> None:
    key = str(uuid.uuid4())
    assert ada.place(key)["id"] != eve.place(key)["id"]


def test_another_organisations_orders_do_not_exist(ada: Person, eve: Person) -> None:
    id = ada.place()["id"]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/submit"), ("POST", "/cancel")):
        outside = eve.ask("orders", method, f"/orders/{id}{path}")
        inside = eve.ask("orders", method, f"/orders/{id}{path}?organisation={ada.organisation}")
        assert (outside.json["code"], inside.json["code"]) == ("order_not_found", "tenant_not_found")
    assert list(pages(eve, 10)) == [[]]


def test_an_invited_colleague_sees_the_orders_once_they_have_accepted(ada: Person, eve: Person) -> None:
    id = ada.place()["id"]
    place = f"/organisations/{ada.organisation}"
    invitation = {"subject": eve.subject, "role": "viewer"}
    assert ada.ask("users", "POST", f"{place}/memberships", invitation).status == 201
    path = f"/orders/{id}?organisation={ada.organisation}"
    assert eve.ask("orders", "GET", path).status == 404
    assert eve.ask("users", "POST", f"{place}/accept", {}).status == 200
    assert eve.ask("orders", "GET", path).json["id"] == id
    refused = eve.ask("orders", "POST", f"/orders/{id}/submit?organisation={ada.organisation}")
    assert (refused.status, refused.json["code"]) == (403, "role_required")


def test_two_hundred_orders_are_read_while_more_are_placed(house: House, ada: Person, eve: Person) -> None:
    standing = copy_order(house, ada, 200, age="1 hour")
    foreign = set(copy_order(house, eve, 50, age="1 hour"))
    seen: list[str] = []
    for page in pages(ada, 30):
        seen += page
        ada.place()
        copy_order(house, ada, 3, age="0 seconds")
    assert seen[:200] == standing
    assert len(set(seen)) == len(seen) == 200
    assert not foreign & set(seen)


def test_of_two_steps_at_once_one_wins(ada: Person) -> None:
    for _ in range(3):
        id = ada.place()["id"]
        gate = threading.Barrier(4)

        def step(name: str, id: str = id, gate: threading.Barrier = gate) -> int:
            gate.wait()
            return ada.ask("orders", "POST", f"/orders/{id}/{name}").status

        with ThreadPoolExecutor(4) as threads:
            statuses = list(threads.map(step, ["submit"] * 4))
        assert sorted(statuses) == [200, 409, 409, 409]


def test_every_answer_says_how_many_calls_are_left(ada: Person) -> None:
    answer = ada.ask("orders", "GET", "/orders")
    assert answer.headers["ratelimit-limit"] == "100"
