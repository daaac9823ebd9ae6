"""Every call that changes something, of every service, sent twice with one key: one effect, one answer."""

import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lamppost.declare.service import Route, Service, System
from lamppost.pack.discover import load
from tests.running import ROOT, House

MUTATING = ("POST", "PUT", "PATCH", "DELETE")
ADA = {"firstName": "Ada", "lastName": "Lovelace", "dateOfBirth": "1990-12-10", "timezone": "Europe/London"}

Ask = tuple[str, Any, dict[str, str]]


def _of_ada(body: Any = None) -> Callable[[House], Ask]:
    return lambda house: (f"/user/{house.register()['id']}", body, {})


def _anniversary(house: House) -> Ask:
    """A day of a kind that somebody made: a row, and no code."""
    with house.database() as db:
        db.execute(
            "insert into birthday.kinds (name, message) values ('anniversary', 'Hey, {firstName}')"
            " on conflict do nothing"
        )
    return f"/user/{house.register()['id']}/dates/anniversary", {"date": "2015-06-01"}, {}


def _as(house: House, person: str, service: str = "users") -> dict[str, str]:
    token = house.run("token", "--as", person, "--service", service, "--json")["token"]
    return {"authorization": f"Bearer {token}"}


def _made(house: House, api: str, path: str, body: Any, headers: dict[str, str]) -> Any:
    answer = house.ask("POST", path, body, {**headers, "idempotency-key": str(uuid.uuid4())}, api=api)
    assert answer.status in (200, 201), answer.body
    return answer.json


def _signed_up(path: str, body: Any, *, profile: bool = True) -> Callable[[House], Ask]:
    def ask(house: House) -> Ask:
        headers = _as(house, f"person-{uuid.uuid4()}")
        if profile:
            _made(house, "users", "/profile", {"name": "Ada"}, headers)
        return path, body, headers

    return ask


def _organised(path: str, body: Any = None, *, accepting: bool = False) -> Callable[[House], Ask]:
    """A call of an owner in an organisation of their own, where a second person is invited."""

    def ask(house: House) -> Ask:
        owner, other = (_as(house, f"person-{uuid.uuid4()}") for _ in range(2))
        organisation = _made(house, "users", "/organisations", {"name": "Engines"}, owner)["id"]
        subject = _made(house, "users", "/profile", {"name": "Ben"}, other)["subject"]
        invitation = {"subject": subject, "role": "member"}
        invited = _made(house, "users", f"/organisations/{organisation}/memberships", invitation, owner)
        place = path.replace("{organisation}", organisation).replace("{id}", invited["membership"]["id"])
        return place, body, other if accepting else owner

    return ask


ORDER = {
    "customer": "Babbage",
    "currency": "GBP",
    "lines": [{"sku": "bolt", "quantity": 2, "unitPrice": 3}],
}


def _ordered(path: str, body: Any = None, *, after: tuple[str, ...] = ()) -> Callable[[House], Ask]:
    """A call about an order that took the steps `after`."""

    def ask(house: House) -> Ask:
        owner = _as(house, f"person-{uuid.uuid4()}")
        _made(house, "users", "/organisations", {"name": "Engines"}, owner)
        order = _made(house, "orders", "/orders", ORDER, owner)["id"]
        for step in after:
            _made(house, "orders", f"/orders/{order}/{step}", None, owner)
        return path.replace("{id}", order), body, owner

    return ask


DRAWING = {
    "name": "drawing.png",
    "type": "image/png",
    "size": 5,
    "checksum": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
}


def _attached(house: House) -> Ask:
    """Confirming a file that has been sent."""
    path, body, owner = _ordered("/orders/{id}/attachments", DRAWING)(house)
    granted = _made(house, "orders", path, body, owner)
    assert house.ask(granted["method"], granted["url"], b"hello", granted["headers"]).status == 200
    return f"{path}/confirm", None, owner


def _detached(house: House) -> Ask:
    """Taking a file away that was only announced."""
    path, body, owner = _ordered("/orders/{id}/attachments", DRAWING)(house)
    return f"{path}/{_made(house, 'orders', path, body, owner)['id']}", None, owner


# How each call is made, by service and route: its path, body and headers. A new route needs a line here, or
# an `example=` and a path that names nothing.
LINES: dict[str, Callable[[House], Ask]] = {
    "birthday POST /user": lambda house: ("/user", ADA, {}),
    "birthday PUT /user/{id}": _of_ada({"firstName": "Augusta"}),
    "birthday DELETE /user/{id}": _of_ada(),
    "birthday PUT /user/{id}/dates/{kind}": _anniversary,
    "users POST /profile": _signed_up("/profile", {"name": "Ada"}, profile=False),
    "users PATCH /profile": _signed_up("/profile", {"name": "Augusta"}),
    "users POST /organisations": _signed_up("/organisations", {"name": "Looms"}),
    "users PATCH /organisations/{organisation}": _organised(
        "/organisations/{organisation}", {"name": "Looms"}
    ),
    "users POST /organisations/{organisation}/accept": _organised(
        "/organisations/{organisation}/accept", {}, accepting=True
    ),
    "users POST /organisations/{organisation}/memberships": _organised(
        "/organisations/{organisation}/memberships", {"email": "ben@example.com", "role": "viewer"}
    ),
    "users PATCH /organisations/{organisation}/memberships/{id}": _organised(
        "/organisations/{organisation}/memberships/{id}", {"role": "viewer"}
    ),
    "users DELETE /organisations/{organisation}/memberships/{id}": _organised(
        "/organisations/{organisation}/memberships/{id}"
    ),
    "orders POST /orders": _ordered("/orders", ORDER),
    "orders PATCH /orders/{id}": _ordered("/orders/{id}", {"version": 1, "currency": "EUR"}),
    "orders DELETE /orders/{id}": _ordered("/orders/{id}"),
    "orders POST /orders/{id}/submit": _ordered("/orders/{id}/submit"),
    "orders POST /orders/{id}/ship": _ordered("/orders/{id}/ship", after=("submit",)),
    "orders POST /orders/{id}/complete": _ordered("/orders/{id}/complete", after=("submit", "ship")),
    "orders POST /orders/{id}/cancel": _ordered("/orders/{id}/cancel"),
    "orders POST /orders/{id}/attachments": _ordered("/orders/{id}/attachments", DRAWING),
    "orders POST /orders/{id}/attachments/confirm": _attached,
    "orders DELETE /orders/{id}/attachments/{attachment}": _detached,
}


def _by_example(service: Service, route: Route) -> Callable[[House], Ask]:
    def ask(house: House) -> Ask:
        guarded = service.authorizer is not None and service.authorizer.local and not route.public
        body = (route.example or {}).get("body")
        return route.path, body, _as(house, "ada", service.name) if guarded else {}

    return ask


def examples() -> dict[str, Callable[[House], Ask]]:
    """A way to make every call that has one."""
    found = {
        f"{service.name} {route.call}": _by_example(service, route)
        for service, route in changing()
        if route.example and "{" not in route.path
    }
    return {**found, **LINES}


ROWS = """
select format('%I.%I', schemaname, tablename) from pg_tables
 where schemaname not in ('pg_catalog', 'information_schema', 'lamppost', 'public') order by 1
"""


def system() -> System:
    return load(ROOT)


def changing() -> list[tuple[Service, Route]]:
    return [
        (service, route)
        for service in system().services
        for function in service.functions
        for route in function.routes
        if route.method in MUTATING and function.database and service.database is not None
    ]


def everything(house: House, database: str) -> dict[str, str]:
    """A digest of every table's rows."""
    with house.database(database) as db:
        return {table: _digest(db, table) for (table,) in db.execute(ROWS).fetchall()}


def _digest(db: "psycopg.Connection[Any]", table: str) -> str:
    schema, _, name = table.partition(".")
    statement = sql.SQL("select md5(coalesce(string_agg(t::text, '' order by t::text), '')) from {} as t")
    row = db.execute(statement.format(sql.Identifier(schema, name))).fetchone()
    assert row is not None
    return str(row[0])


def test_every_call_has_an_example() -> None:
    assert sorted(examples()) == sorted(f"{service.name} {route.call}" for service, route in changing())


@pytest.mark.parametrize("call", sorted(examples()))
def test_a_call_repeated_with_its_key_changes_nothing_more(house: House, call: str) -> None:
    service, method, _ = call.split(" ")
    entry = next(entry for entry in system().services if entry.name == service)
    assert entry.database is not None
    path, body, headers = examples()[call](house)
    keyed = {**headers, "idempotency-key": str(uuid.uuid4())}
    before = everything(house, entry.database.name)
    first = house.ask(method, path, body, keyed, api=service)
    after = everything(house, entry.database.name)
    again = house.ask(method, path, body, keyed, api=service)
    assert 200 <= first.status < 300, first.body
    assert (again.status, again.body) == (first.status, first.body)
    # API Gateway gives an answer without any header a type of its own; a replay has its marker.
    if first.body:
        assert again.headers["content-type"] == first.headers["content-type"]
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert before != after
    assert everything(house, entry.database.name) == after


def test_keys_that_are_too_long_or_used_for_something_else_are_refused(house: House) -> None:
    def ask(key: str, **changes: str) -> tuple[int, str]:
        answer = house.ask("POST", "/user", {**ADA, **changes}, {"idempotency-key": key})
        return answer.status, answer.json.get("code", "")

    key = str(uuid.uuid4())
    assert ask("a" * 256) == (400, "idempotency_key_invalid")
    assert ask(key) == (201, "")
    assert ask(key, firstName="Ben") == (422, "idempotency_key_reused")
