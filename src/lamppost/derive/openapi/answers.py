"""What a route answers: its success by the handler's return type, and each refusal by status."""

import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from lamppost.declare.events import Response
from lamppost.declare.problems import Problems
from lamppost.declare.service import Route
from lamppost.derive.openapi.schemas import Schema, Schemas, example_problem
from lamppost.derive.refusals import Refusal

# By RFC 9110, whatever the Python: http.HTTPStatus has other words in each version.
_TITLES = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_RETRY = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
_CHALLENGE = {"description": "What is missing (RFC 6750).", "schema": {"type": "string"}}
_WAITS = (409, 429, 503)
_PROBLEM = "application/problem+json"


def successes(route: Route, returned: Any) -> dict[str, Any]:
    """The type of each success by its status; None for an answer without a body, `...` for any body."""
    if route.answers is not None:
        return {str(status): kind for status, kind in sorted(route.answers.items())}
    found: dict[str, Any] = {}
    values = []
    for part in _parts(returned):
        if part is type(None) or part is None:
            found["204"] = None
        elif part is Response:
            found["2XX"] = ...
        else:
            values.append(part)
    if values:
        found[str(route.status)] = returned if len(values) == len(_parts(returned)) else _union(values)
    return dict(sorted(found.items()))


def success(status: str, kind: Any, schemas: Schemas, headers: Mapping[str, Any]) -> dict[str, Any]:
    """The response object of one success."""
    phrase = _TITLES.get(int(status), "Success") if status.isdecimal() else "As the handler says"
    made: dict[str, Any] = {"description": phrase}
    if headers:
        made["headers"] = dict(headers)
    if kind is ...:
        made["content"] = {"*/*": {}}
    elif kind is bytes:
        made["content"] = {"application/octet-stream": {}}
    elif kind is not None:
        made["content"] = {"application/json": {"schema": schemas[kind]}}
    return made


def elsewhere() -> dict[str, Any]:
    """The response object of a success that is too large to send: `runtime.large_answers` makes it."""
    properties = {
        "location": {"type": "string", "format": "uri"},
        "type": {"type": ["string", "null"]},
        "size": {"type": "integer", "minimum": 0},
        "expiresAt": {"type": "string", "format": "date-time"},
    }
    return {
        "description": "The answer has more than 5 MB: it is where Location leads",
        "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
        "content": {
            "application/json": {
                "schema": {"type": "object", "properties": properties, "required": sorted(properties)}
            }
        },
    }


def refused(
    status: int, ours: list[Refusal], problems: Problems | None, schemas: Schemas, *, stated: bool
) -> dict[str, Any]:
    """The response object of all refusals sent with `status`, `stated` when there can be no others."""
    content: dict[str, Any] = {}
    if problems is None:
        content[_PROBLEM] = {"schema": _coded(status, ours, stated=stated), "examples": _examples(ours, None)}
    else:
        content[problems.media] = {
            "schema": schemas[_returned(problems)],
            "examples": _examples(ours, problems),
        }
        if any(each.by == "gateway" for each in ours):
            content[_PROBLEM] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if any(each.by == "gateway" for each in ours):
        plain = content.get("application/json", {}).get("schema")
        message = {"$ref": "#/components/schemas/GatewayMessage"}
        schema = message if plain is None else {"anyOf": [plain, message]}
        content["application/json"] = {**content.get("application/json", {}), "schema": schema}
    headers = {**({"Retry-After": _RETRY} if status in _WAITS else {})}
    headers |= {"WWW-Authenticate": _CHALLENGE} if status == 401 else {}
    lines = [f"- `{each.code}`: {each.about}" for each in ours]
    made = {"description": "\n".join([f"{_TITLES.get(status, 'Refused')}.", "", *lines])}
    return {**made, **({"headers": headers} if headers else {}), "content": content}


def unstated() -> dict[str, Any]:
    """The response object for refusals of a handler that states none."""
    return {
        "description": "Refused by the handler.",
        "content": {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def returned_types(problems: Problems | None) -> list[Any]:
    """The type of a service's own problems."""
    return [_returned(problems)] if problems is not None else []


def _returned(problems: Problems) -> Any:
    return get_type_hints(problems.shape, include_extras=True).get("return", Any)


def _coded(status: int, refusals: list[Refusal], *, stated: bool) -> Schema:
    problem = {"$ref": "#/components/schemas/Problem"}
    narrowed: Schema = {"status": {"const": status}}
    if stated:
        narrowed["code"] = {"enum": sorted(each.code for each in refusals)}
    return {"allOf": [problem, {"properties": narrowed}]}


def _examples(refusals: list[Refusal], problems: Problems | None) -> dict[str, Any]:
    made = {}
    for each in refusals:
        problem = example_problem(each.status, each.code, _TITLES.get(each.status, "Refused"), each.about)
        value = problem if problems is None else problems.shape(problem)
        made[each.code] = {"value": msgspec.to_builtins(value, str_keys=True)}
    return made


def _parts(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _union(kinds: list[Any]) -> Any:
    made = kinds[0]
    for kind in kinds[1:]:
        made = made | kind
    return made
