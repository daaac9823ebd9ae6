"""Types as JSON Schema, shared below `components/schemas`."""

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

from lamppost.declare.problems import Problem

Schema = dict[str, Any]

_AT = "#/components/schemas/{name}"

# In an order of our own: API Gateway's `message` stands in what the gateway refuses.
PROBLEM: Schema = {
    "title": "Problem",
    "description": "A refusal (RFC 9457). `code` is stable, `errors` says what is wrong with which field, "
    "`requestId` finds the request in the log.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "requestId": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["path", "code", "message"],
            },
        },
        "message": {"type": "string"},
    },
    "required": ["type", "title", "status", "code", "detail", "requestId"],
}
MESSAGE: Schema = {
    "title": "GatewayMessage",
    "description": "What API Gateway itself refuses, in its own words.",
    "type": "object",
    "properties": {"message": {"type": ["string", "null"]}},
    "required": ["message"],
}


class Schemas:
    """The schemas of a set of types, made at once so that each named type is written once."""

    def __init__(self, types: Iterable[Any]) -> None:
        self._types = [kind for kind in types if kind is not inspect.Parameter.empty]
        found, components = msgspec.json.schema_components(
            self._types, schema_hook=_anything, ref_template=_AT
        )
        self._found: list[Schema] = [_tidy(schema) for schema in found]
        self.components: dict[str, Schema] = {name: _tidy(schema) for name, schema in components.items()}

    def __getitem__(self, kind: Any) -> Schema:
        for known, schema in zip(self._types, self._found, strict=True):
            if known is kind or known == kind:
                return schema
        return {}


def without_null(schema: Schema) -> Schema:
    """The schema of a value in a query, which has no way to write null."""
    some = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if not some:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest, **(some[0] if len(some) == 1 else {"anyOf": some})}


def example_problem(status: int, code: str, title: str, detail: str) -> Problem:
    """A problem as it would be sent."""
    return Problem("about:blank", title, status, code, detail, "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d")


def _anything(kind: Any) -> Schema:
    return {"description": f"any {getattr(kind, '__name__', 'value')}"}


def _tidy(value: Any) -> Any:
    """Descriptions without the indentation of the docstrings they come from."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(inner) if key == "description" and isinstance(inner, str) else _tidy(inner)
            for key, inner in value.items()
        }
    return [_tidy(inner) for inner in value] if isinstance(value, list) else value
