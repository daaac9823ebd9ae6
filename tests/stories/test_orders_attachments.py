"""Files of orders: sent past the service, seen in the bucket, fetched by link, and nobody else's."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.running import Answer, House

HELLO = b"hello"
DRAWING = {
    "name": "à la carte.png",
    "type": "image/png",
    "size": 5,
    "checksum": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
}
ORDER = {"customer": "Babbage", "currency": "GBP", "lines": [{"sku": "bolt", "quantity": 2, "unitPrice": 3}]}

Ask = Callable[..., Answer]


def somebody(house: House) -> Ask:
    """A person with an organisation of their own, who asks the orders service."""
    tokens = house.run("token", "--as", f"person-{uuid.uuid4()}", "--service", "users", "--json")
    headers = {"authorization": f"Bearer {tokens['token']}"}
    made = house.ask("POST", "/organisations", {"name": "Engines"}, headers, api="users")
    assert made.status == 201, made.body

    def ask(method: str, path: str, body: Any = None) -> Answer:
        keyed = {**headers, "idempotency-key": str(uuid.uuid4())} if method == "POST" else headers
        return house.ask(method, path, body, keyed, api="orders")

    return ask


def order_of(ask: Ask) -> str:
    return f"/orders/{ask('POST', '/orders', ORDER).json['id']}"


def send(house: House, granted: Any, body: bytes = HELLO) -> Answer:
    return house.ask(granted["method"], granted["url"], body, granted["headers"])


def test_a_file_is_noted_sent_confirmed_and_fetched(house: House) -> None:
    ask = somebody(house)
    order = order_of(ask)
    granted = ask("POST", f"{order}/attachments", DRAWING).json
    (early,) = ask("POST", f"{order}/attachments/confirm").json["items"]
    assert (early["storedAt"], early["link"]) == (None, None)
    assert send(house, granted).status == 200
    (confirmed,) = ask("POST", f"{order}/attachments/confirm").json["items"]
    assert ask("POST", f"{order}/attachments/confirm").json["items"][0]["storedAt"] == confirmed["storedAt"]
    (item,) = ask("GET", f"{order}/attachments").json["items"]
    assert item["storedAt"] is not None
    assert item["storedAt"] == confirmed["storedAt"]
    fetched = house.ask("GET", item["link"])
    assert fetched.body == HELLO
    assert fetched.headers["content-disposition"].endswith("filename*=UTF-8''%C3%A0%20la%20carte.png")


def test_other_bytes_than_those_that_were_noted_do_not_arrive(house: House) -> None:
    ask = somebody(house)
    order = order_of(ask)
    granted = ask("POST", f"{order}/attachments", DRAWING).json
    assert send(house, granted, b"hallo").status == 400
    longer = {**granted, "headers": {**granted["headers"], "content-length": "6"}}
    assert send(house, longer, b"hello!").status == 403
    (item,) = ask("POST", f"{order}/attachments/confirm").json["items"]
    assert item["storedAt"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"type": "text/html"},
        {"size": 0},
        {"size": 25 * 1024 * 1024 + 1},
        {"checksum": "abc"},
        {"checksum": f"{DRAWING['checksum']}"[:-2] + "R="},
        {"name": "\u0000"},
        {"name": " "},
    ],
)
def test_a_file_that_orders_do_not_take_is_refused(house: House, change: dict[str, Any]) -> None:
    ask = somebody(house)
    assert ask("POST", f"{order_of(ask)}/attachments", {**DRAWING, **change}).status == 422


def test_another_organisation_sees_nothing_of_it(house: House) -> None:
    ask, other = somebody(house), somebody(house)
    order = order_of(ask)
    granted = ask("POST", f"{order}/attachments", DRAWING).json
    send(house, granted)
    for method, path in (
        ("GET", f"{order}/attachments"),
        ("POST", f"{order}/attachments/confirm"),
    ):
        assert other(method, path).status == 404
    assert other("POST", f"{order}/attachments", DRAWING).status == 404


@pytest.mark.parametrize("whole", [False, True], ids=["the file alone", "with its order"])
def test_what_is_taken_away_is_gone_from_the_bucket_too(house: House, whole: bool) -> None:
    ask, other = somebody(house), somebody(house)
    order = order_of(ask)
    granted = ask("POST", f"{order}/attachments", DRAWING).json
    send(house, granted)
    (item,) = ask("POST", f"{order}/attachments/confirm").json["items"]
    gone = order if whole else f"{order}/attachments/{item['id']}"
    assert other("DELETE", gone).status == 404
    assert house.ask("GET", item["link"]).status == 200
    assert ask("DELETE", gone).status == 204
    assert house.ask("GET", item["link"]).status == 404
    assert ask("DELETE", gone).status == 404


def test_an_order_has_twenty_attachments_at_most_whoever_hurries(house: House) -> None:
    ask = somebody(house)
    order = order_of(ask)
    with ThreadPoolExecutor(6) as hurrying:
        answers = list(hurrying.map(lambda _: ask("POST", f"{order}/attachments", DRAWING).status, range(24)))
    assert sorted(answers) == [201] * 20 + [409] * 4
