"""What an API's document says, and that it says it of what really answers."""

import json
import os
import subprocess
import sys
from importlib import import_module
from typing import Any

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from lamppost import AuthorError, Problems, Route, Service, System
from lamppost.derive import refusals
from lamppost.derive.describe import describe
from lamppost.derive.openapi.document import Place, document, write
from lamppost.derive.signature import parameters
from lamppost.pack.discover import load
from scripts import reference
from tests.running import ROOT

PLACE = Place("http://127.0.0.1:8000/mapped", "http://127.0.0.1:8000/_identity")
TRIED = ("mapped", "shelf", "probe", "guarded", "once", "notes", "files")
FOLDERS = {"notes": "tenants"}


def beside(name: str) -> list[Service]:
    """A service, last, behind those without which it could not be declared."""
    if (ROOT / "services" / name).is_dir():
        ours = load(ROOT).services
        return sorted(ours, key=lambda each: each.name == name)
    folder = FOLDERS.get(name, name)
    homes = ["members", name] if name == "notes" else [name]
    return [import_module(f"tests.data.{folder}.services.{home}.service").service for home in homes]


def made(name: str, place: Place | None = None) -> dict[str, Any]:
    services = beside(name)
    entries = describe(System(tuple(services)), {each.name: "" for each in services})
    # As a reader of the file sees it.
    document_: dict[str, Any] = json.loads(write(document(services[-1], entries.services[-1], place)))
    return document_


OURS = [each for each in load(ROOT).services if any(function.routes for function in each.functions)]


def response(document_: dict[str, Any], operation: dict[str, Any], status: str) -> dict[str, Any]:
    found: dict[str, Any] = operation["responses"][status]
    if "$ref" in found:
        found = document_["components"]["responses"][found["$ref"].rpartition("/")[2]]
    return found


def codes(document_: dict[str, Any], operation: dict[str, Any], status: str) -> set[str]:
    content = response(document_, operation, status)["content"]
    return set(content["application/problem+json"]["examples"])


@pytest.mark.parametrize("name", [*TRIED, *(each.name for each in OURS)])
def test_a_stranger_to_this_house_finds_the_document_valid(name: str) -> None:
    assert list(OpenAPIV31SpecValidator(made(name)).iter_errors()) == []
    assert list(OpenAPIV31SpecValidator(made(name, PLACE)).iter_errors()) == []


def test_the_same_declaration_gives_the_same_bytes_in_every_process() -> None:
    program = "import sys; from lamppost.cli.commands import run; sys.exit(run(['openapi', 'birthday']))"
    written = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(written) == 1
    assert json.loads(written.pop())["info"]["title"] == "birthday"


@pytest.mark.parametrize("declared", OURS, ids=lambda each: each.name)
def test_every_route_of_ours_states_what_it_refuses(declared: Service) -> None:
    routes = [route for function in declared.functions for route in function.routes]
    assert [route.call for route in routes if route.refuses is None] == []


@pytest.mark.parametrize("name", [*TRIED, *(each.name for each in OURS)])
def test_every_example_fits_its_schema_and_its_type(name: str) -> None:
    document_ = made(name)
    for function in beside(name)[-1].functions:
        for route in function.routes:
            for parameter in parameters(route.handler, route.path):
                if route.example and parameter.name in route.example:
                    msgspec.convert(route.example[parameter.name], parameter.type)
    validator = jsonschema.Draft202012Validator
    for item in document_["paths"].values():
        for operation in item.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" in content:
                schema = {**content["schema"], "components": document_["components"]}
                validator(schema, format_checker=validator.FORMAT_CHECKER).validate(content["example"])
            for status in operation["responses"]:
                for shown in response(document_, operation, status).get("content", {}).values():
                    for example in shown.get("examples", {}).values():
                        schema = {**shown["schema"], "components": document_["components"]}
                        validator(schema).validate(example["value"])


@pytest.mark.parametrize("name", [*TRIED, *(each.name for each in OURS)])
def test_every_operation_has_a_name_of_its_own(name: str) -> None:
    names = [op["operationId"] for item in made(name)["paths"].values() for op in item.values()]
    assert len(names) == len(set(names)), names


def test_what_a_handler_takes_and_gives_is_what_the_document_says() -> None:
    document_ = made("shelf")
    add = document_["paths"]["/book"]["post"]
    assert (add["operationId"], add["summary"]) == ("add", "Put a book on the caller's shelf.")
    assert add["description"] == "Nobody else sees it there."
    assert add["requestBody"]["content"]["application/json"] == {
        "schema": {"$ref": "#/components/schemas/NewBook"},
        "example": {"title": "The sea", "pages": 208},
    }
    new = document_["components"]["schemas"]["NewBook"]
    assert new["additionalProperties"] is False
    assert new["required"] == ["title", "pages"]
    assert new["properties"]["pages"] == {"type": "integer", "minimum": 1, "maximum": 9999}
    limit, after = document_["paths"]["/book"]["get"]["parameters"]
    assert limit == {
        "name": "limit",
        "in": "query",
        "description": "how many at once",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20},
    }
    # A query has no way to write null.
    assert after["schema"] == {"type": "string", "format": "uuid"}
    assert document_["info"] == {
        "title": "shelf",
        "version": "2.1.0",
        "description": "keeps books, each for its reader",
    }


def test_keys_rates_and_scopes_are_said() -> None:
    document_ = made("shelf")
    burn = document_["paths"]["/book/{id}"]["delete"]
    key = next(each for each in burn["parameters"] if each["in"] == "header")
    assert (key["name"], key["required"]) == ("Idempotency-Key", True)
    assert burn["security"] == [{"caller": ["shelf/burn"]}]
    assert "RateLimit-Remaining" in response(document_, burn, "204")["headers"]
    assert codes(document_, burn, "400") >= {"idempotency_key_missing", "idempotency_key_invalid"}
    assert codes(document_, burn, "403") == {"insufficient_scope"}
    assert codes(document_, burn, "404") == {"book_not_found", "not_found", "route_not_found"}
    assert codes(document_, burn, "409") == {"idempotency_in_progress"}
    assert codes(document_, burn, "429") == {"rate_limited", "throttled"}
    assert document_["paths"]["/hours"]["get"]["security"] == []
    assert "415" not in burn["responses"]


def test_what_was_made_is_linked_to_where_it_is_found() -> None:
    made_ = made("shelf")["paths"]["/book"]["post"]["responses"]["201"]["links"]
    assert set(made_) == {"find", "head_find", "change", "remove"}
    assert made_["find"] == {"operationId": "find", "parameters": {"id": "$response.body#/id"}}


def test_a_get_answers_head_without_a_body() -> None:
    head = made("shelf")["paths"]["/book/{id}"]["head"]
    assert set(head["responses"]) >= {"200", "404"}
    document_ = made("shelf")
    assert all("content" not in response(document_, head, status) for status in head["responses"])


def test_an_answer_that_may_be_too_large_to_send_says_where_it_will_be() -> None:
    document_ = made("files")
    paths = document_["paths"]
    assert "Location" in response(document_, paths["/report"]["get"], "303")["headers"]
    assert "303" not in paths["/report"]["head"]["responses"]
    assert "303" not in paths["/notes/{tenant}"]["put"]["responses"]
    assert "303" not in paths["/plain-report"]["get"]["responses"]


def test_a_door_that_is_open_here_is_shut_elsewhere() -> None:
    assert "securitySchemes" not in made("mapped", PLACE)["components"]
    assert made("mapped")["components"]["securitySchemes"]["caller"]["scheme"] == "bearer"
    here = made("shelf", PLACE)
    assert here["servers"] == [{"url": PLACE.url}]
    assert here["components"]["securitySchemes"]["caller"]["openIdConnectUrl"].startswith(PLACE.issuer)


def test_answers_of_every_kind_are_told_apart() -> None:
    paths = made("mapped")["paths"]
    assert set(paths["/any/{rest}"]) == {"get", "post", "put", "patch", "delete", "head"}
    assert {"200", "204", "4XX"} <= set(paths["/any/{rest}"]["put"]["responses"])
    wish = paths["/wish"]["post"]["responses"]["201"]["content"]["application/json"]["schema"]
    assert [each["$ref"].rpartition("/")[2] for each in wish["anyOf"]] == ["Granted", "Denied"]
    assert {"200", "206"} <= set(paths["/wish/{id}"]["get"]["responses"])


def test_a_services_own_shape_and_statuses_are_in_its_document() -> None:
    document_ = made("mapped")
    wish = document_["paths"]["/wish"]["post"]
    assert "422" not in wish["responses"]
    content = response(document_, wish, "400")["content"]["application/json"]
    assert content["examples"]["unknown_field"]["value"]["error"] == "unfit"
    assert {"$ref": "#/components/schemas/Complaint"} in content["schema"]["anyOf"]
    conflict = response(document_, wish, "409")["content"]["application/json"]
    assert conflict["schema"] == {"$ref": "#/components/schemas/Complaint"}


def test_a_refusal_is_written_as_a_status_and_a_code() -> None:
    def handle() -> None:
        """A handler."""

    for wrong in ("USER_NOT_FOUND", "404", "200 fine", "500 broken", "404 two words"):
        with pytest.raises(AuthorError, match="not a status and a code"):
            Route("GET /a", handle, refuses=(wrong,))
    with pytest.raises(AuthorError, match="no module holds by its name"):
        Problems(lambda problem: problem)


# A refusal that no route gives: its method is the one that none has.
NOT_OF_A_ROUTE = {"method_not_allowed"}
# Raised by what a handler calls of its own accord: its route states it.
OF_THE_HANDLER = {
    "cursor_invalid", "object_key_invalid", "object_type_refused", "object_size_invalid", "object_too_large",
    "object_checksum_invalid",
}  # fmt: skip


def test_every_refusal_the_platform_gives_is_in_the_list() -> None:
    """scripts/reference.py reads the source; a new code is promised in documents, or stands above."""
    given = {
        said.code
        for said in reference.every()
        if said.who == "caller"
        and said.file.startswith(("src/lamppost/runtime/", "src/lamppost/db/", "src/lamppost/declare/"))
    }
    listed = {
        each.code
        for group in vars(refusals).values()
        if isinstance(group, tuple)
        for each in group
        if isinstance(each, refusals.Refusal)
    }
    assert {"rate_limited", "repeated", "tenant_not_found"} <= given
    assert given - listed - NOT_OF_A_ROUTE - OF_THE_HANDLER == set()
