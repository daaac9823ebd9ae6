"""People with tokens at the HTTP APIs: Cognito gives them, API Gateway judges them, the functions answer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.acceptance import signing_in
from tests.acceptance.conftest import System

IDENTITY = "Barkbase-IdentityStack-dev"
USERS, ORDERS, BIRTHDAY = "app-dev-users", "app-dev-orders", "bday-dev-api"
ORDER = {
    "customer": "Babbage & Sons",
    "currency": "GBP",
    "lines": [{"sku": "bolt-m8", "quantity": 100, "unitPrice": 12}],
}
DRAWING = {
    "name": "drawing.png",
    "type": "image/png",
    "size": 5,
    "checksum": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
}

TokenOf = Callable[..., str]


@pytest.fixture(scope="module")
def token(system: System) -> TokenOf:
    """The token of somebody who signs up now, for one of the audiences."""
    cognito = system.account.client("cognito-idp")
    known = system.account.deployer.outputs(IDENTITY)
    return partial(_token, cognito, known)


def _token(
    cognito: Any, known: dict[str, str], name: str, *, audience: str = "App", kind: str = "Access"
) -> str:
    pool, client = known["UserPoolId"], known[f"{audience}ClientId"]
    email = f"{name}-{audience.lower()}-{kind.lower()}@example.com"
    signing_in.sign_up(cognito, pool, client, email)
    return signing_in.sign_in(cognito, pool, client, email)[f"{kind}Token"]


def test_without_a_token_the_door_stays_shut_and_what_is_public_is_open(system: System) -> None:
    assert system.account.ask(USERS, "GET", "/").status == 200
    for api, path in ((USERS, "/profile"), (ORDERS, "/orders"), (BIRTHDAY, "/user/1")):
        assert system.account.ask(api, "GET", path).status == 401


def test_a_token_that_is_not_quite_ours_opens_nothing(system: System, token: TokenOf) -> None:
    good = token("bee")
    head, claims, signature = good.split(".")
    forged = f"{head}.{claims}.{'A' * len(signature)}"
    elsewhere = token("bee", audience="Bday")
    # An ID token says who somebody is, and is no key.
    identity = token("bee", kind="Id")
    for other in (forged, elsewhere, identity, f"{head}.{claims}.", "x"):
        assert system.account.ask(USERS, "GET", "/profile", token=other).status == 401
    assert system.account.ask(USERS, "GET", "/profile", token=good).status == 404


def test_a_person_founds_an_organisation_and_takes_an_order_that_no_stranger_sees(
    system: System, token: TokenOf
) -> None:
    ask = partial(system.account.ask, token=token("ada"))
    assert ask(USERS, "POST", "/profile", {"name": "Ada Lovelace"}).status == 201
    made = ask(USERS, "POST", "/organisations", {"name": "Analytical Engines"})
    assert made.status == 201
    placed = [
        ask(ORDERS, "POST", "/orders", ORDER, headers={"idempotency-key": "0123456789abcdef"})
        for _ in range(2)
    ]
    assert [each.status for each in placed] == [201, 201]
    assert placed[0].json["id"] == placed[1].json["id"]
    listed = ask(ORDERS, "GET", "/orders").json["items"]
    assert [each["id"] for each in listed] == [placed[0].json["id"]]

    stranger = partial(system.account.ask, token=token("eve"))
    assert stranger(USERS, "POST", "/organisations", {"name": "Others"}).status == 201
    assert stranger(ORDERS, "GET", f"/orders/{placed[0].json['id']}").status == 404
    assert stranger(ORDERS, "GET", "/orders").json["items"] == []


def test_a_file_goes_past_the_service_into_the_bucket_by_a_link_that_holds_for_this_file_alone(
    system: System, token: TokenOf
) -> None:
    account = system.account
    ask = partial(account.ask, token=token("files"))
    assert ask(USERS, "POST", "/organisations", {"name": "Draughtsmen"}).status == 201
    placed = ask(ORDERS, "POST", "/orders", ORDER, headers={"idempotency-key": "0123456789abcdef"})
    files = f"/orders/{placed.json['id']}/attachments"
    granted = ask(ORDERS, "POST", files, DRAWING).json
    send = partial(account.fetch, granted["method"], granted["url"])
    assert send(b"hallo", granted["headers"]).status == 400
    assert send(b"hello", {**granted["headers"], "content-type": "text/html"}).status == 403
    assert send(b"hello", granted["headers"]).status == 200
    [item] = ask(ORDERS, "POST", f"{files}/confirm").json["items"]
    fetched = account.fetch("GET", item["link"])
    assert (fetched.body, fetched.headers["content-type"]) == (b"hello", "image/png")
    assert account.fetch("GET", item["link"].partition("?")[0]).status == 403


def test_a_wrong_password_gets_no_token(system: System) -> None:
    cognito = system.account.client("cognito-idp")
    known = system.account.deployer.outputs(IDENTITY)
    pool, client = known["UserPoolId"], known["AppClientId"]
    signing_in.sign_up(cognito, pool, client, "careful@example.com")
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        signing_in.sign_in(cognito, pool, client, "careful@example.com", password="Guessed-Engine-1843")


def test_a_method_that_no_route_offers_and_a_body_that_is_none_are_told_as_such(
    system: System, token: TokenOf
) -> None:
    ask = partial(system.account.ask, token=token("method"))
    refused = ask(USERS, "PUT", "/profile", {})
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, PATCH, POST")
    unfit = ask(USERS, "POST", "/profile", {"name": ""})
    assert unfit.status == 422
    assert ask(USERS, "GET", "/nowhere").status == 404


def test_the_cursor_of_a_list_is_sealed_with_the_secret_that_the_stack_made(
    system: System, token: TokenOf
) -> None:
    ask = partial(system.account.ask, token=token("pages"))
    for name in ("One", "Two", "Three"):
        made = ask(USERS, "POST", "/organisations", {"name": name})
        assert made.status == 201, made.body
    first = ask(USERS, "GET", "/organisations?limit=2").json
    second = ask(USERS, "GET", f"/organisations?limit=2&cursor={first['next']}").json
    assert len(first["items"] + second["items"]) == 3
