"""What a handler takes from headers, and a body taken as the bytes it is."""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

import pytest
from msgspec import Meta

from lamppost import AuthorError, CallerError, Cors, Function, Header, Route, Service, System
from lamppost.derive.describe import describe
from lamppost.derive.openapi.document import document
from lamppost.runtime.binding import argument, bind
from tests.bad_inputs import event
from tests.data.shelf.services.shelf import api

CONTEXT: Any = SimpleNamespace()
TENANT = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"


def call(handler: Callable[..., Any], headers: dict[str, str], body: bytes | None = None) -> Any:
    bound = bind(handler, "/", 200)
    asked = event("POST /", body, headers)
    return handler(*(argument(each, asked, {}, CONTEXT) for each in bound.parameters))


def refusal(handler: Callable[..., Any], headers: dict[str, str]) -> tuple[int, str, list[str]]:
    with pytest.raises(CallerError) as raised:
        call(handler, headers)
    return raised.value.status, raised.value.code, [error.path for error in raised.value.errors]


def for_tenant(tenant: Annotated[UUID, Header("X-Tenant-Id")]) -> UUID:
    """Take a header whatever its letters' case."""
    return tenant


def if_match(tag: Annotated[str, Meta(min_length=1), Header("if-match")] | None = None) -> str | None:
    """Take a header that may be missing."""
    return tag


def mine(of: Annotated[str, Header("idempotency-key")]) -> str:
    """Reach for what is the platform's."""
    return of


def nobodys(of: Annotated[str, Header("two words")]) -> str:
    """Name what is no header."""
    return of


def unnamed(of: Annotated[str, Header("")]) -> str:
    """Name nothing."""
    return of


def test_a_header_arrives_as_its_type() -> None:
    assert call(for_tenant, {"x-tenant-id": f"  {TENANT}\t"}) == UUID(TENANT)
    assert call(api.reminders, {"x-shelf": "sea", "x-since": "2026-02-28", "x-most": "9"}) == api.Reminders(
        "sea", date(2026, 2, 28), 9
    )


def test_a_header_with_a_default_may_be_missing() -> None:
    assert call(if_match, {}) is None
    assert call(api.reminders, {"x-shelf": ""}) == api.Reminders("", None, 3)


@pytest.mark.parametrize(
    ("headers", "code", "path"),
    [
        ({}, "required", "x-shelf"),
        ({"x-shelf": "s" * 21}, "invalid_value", "x-shelf"),
        ({"x-shelf": "sø"}, "invalid_text", "x-shelf"),
        ({"x-shelf": "s\x00"}, "invalid_text", "x-shelf"),
        ({"x-shelf": "sea", "x-most": "1,2"}, "wrong_type", "x-most"),
        ({"x-shelf": "sea", "x-most": "10"}, "invalid_value", "x-most"),
        ({"x-shelf": "sea", "x-most": "1e0"}, "wrong_type", "x-most"),
        ({"x-shelf": "sea", "x-since": ""}, "invalid_value", "x-since"),
        ({"x-shelf": "sea", "x-since": "2026-02-30"}, "invalid_value", "x-since"),
    ],
)
def test_a_header_that_does_not_fit_is_refused_by_its_name(
    headers: dict[str, str], code: str, path: str
) -> None:
    status, told, paths = refusal(api.reminders, headers)
    assert (status, paths) == (422, [f"headers.{path}"])
    assert told == code


@pytest.mark.parametrize("handler", [mine, nobodys, unnamed])
def test_a_header_that_no_handler_may_read_is_refused_when_it_is_declared(handler: Any) -> None:
    with pytest.raises(AuthorError, match="reads the header"):
        bind(handler, "/", 200)


@pytest.mark.parametrize(
    "raw", [b"", b'{"a": 1, "a": 2}\r\n', b"\xff\x00\xfe", "é".encode(), b"\xef\xbb\xbf{}"]
)
def test_a_signature_is_checked_over_the_bytes_that_were_sent(raw: bytes) -> None:
    seal = hashlib.sha256(raw).hexdigest()
    assert call(api.sealed, {"x-seal": seal}, raw) == api.Sealed(len(raw), True)
    assert call(api.sealed, {"x-seal": seal}, raw + b" ") == api.Sealed(len(raw) + 1, False)


def test_the_document_has_headers_as_the_handler_takes_them() -> None:
    from tests.data.shelf.services.shelf.service import service

    entry = describe(System((service,)), {"shelf": ""}).services[0]
    paths = json.loads(json.dumps(document(service, entry)))["paths"]
    shelf, since, most = paths["/reminders"]["get"]["parameters"]
    assert (shelf["name"], shelf["in"], shelf["required"]) == ("x-shelf", "header", True)
    assert (shelf["description"], shelf["example"]) == ("whose shelf", "sea")
    assert shelf["schema"]["maxLength"] == 20
    assert (since["required"], since["schema"]) == (False, {"type": "string", "format": "date"})
    assert (most["name"], most["schema"]["default"]) == ("x-most", 3)
    letter = paths["/letter"]["post"]
    assert letter["requestBody"]["required"] is False
    assert set(letter["requestBody"]["content"]) == {"*/*"}
    assert "415" not in letter["responses"]
    assert "422" in paths["/reminders"]["get"]["responses"]


def test_a_page_may_send_the_headers_that_handlers_read() -> None:
    service = Service(
        name="shop",
        functions=(Function(name="api", routes=(Route("GET /a", for_tenant), Route("GET /b", if_match))),),
        cors=Cors(origins=("https://app.example",)),
    )
    entry = describe(System((service,)), {"shop": ""}).services[0]
    assert entry.cors is not None
    assert entry.cors.headers == (
        "authorization",
        "content-type",
        "idempotency-key",
        "if-match",
        "x-tenant-id",
    )
