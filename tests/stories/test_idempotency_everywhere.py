"""Every call that changes something, of every service, sent twice with one key: one effect, one answer."""

import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lamppost.derive.manifest import Manifest
from lamppost.pack.discover import discover
from tests.running import ROOT, House

MUTATING = ("POST", "PUT", "PATCH", "DELETE")
ADA = {"firstName": "Ada", "lastName": "Lovelace", "dateOfBirth": "1990-12-10", "timezone": "Europe/London"}

Ask = tuple[str, Any, dict[str, str]]


def _of_ada(body: Any = None) -> Callable[[House], Ask]:
    return lambda house: (f"/user/{house.register()['id']}", body, {})


# How each call is made, by service and route: its path, body and headers. A new route needs a line here.
EXAMPLES: dict[str, Callable[[House], Ask]] = {
    "birthday POST /user": lambda house: ("/user", ADA, {}),
    "birthday PUT /user/{id}": _of_ada({"firstName": "Augusta"}),
    "birthday DELETE /user/{id}": _of_ada(),
}

ROWS = """
select format('%I.%I', schemaname, tablename) from pg_tables
 where schemaname not in ('pg_catalog', 'information_schema', 'lamppost', 'public') order by 1
"""


def manifest() -> Manifest:
    return discover(ROOT)


def calls() -> list[str]:
    return [
        f"{service.name} {route.key}"
        for service in manifest().services
        for function in service.functions
        for route in function.routes
        if route.method in MUTATING and function.database
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
    assert sorted(EXAMPLES) == sorted(calls())


@pytest.mark.parametrize("call", sorted(EXAMPLES))
def test_a_call_repeated_with_its_key_changes_nothing_more(house: House, call: str) -> None:
    service, method, _ = call.split(" ")
    entry = next(entry for entry in manifest().services if entry.name == service)
    assert entry.database is not None
    path, body, headers = EXAMPLES[call](house)
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
