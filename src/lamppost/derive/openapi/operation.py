"""One route as an OpenAPI operation."""

import inspect
from typing import Any, get_type_hints

import msgspec

from lamppost.declare.service import Function, Route, Service
from lamppost.derive import refusals
from lamppost.derive.manifest import FunctionEntry, RouteEntry, ServiceEntry
from lamppost.derive.openapi import answers
from lamppost.derive.openapi.schemas import Schemas, without_null
from lamppost.derive.signature import Parameter, parameters

Object = dict[str, Any]

# The header as `runtime.idempotency` reads it: a structured field's string, or the same without quotes.
KEY_PATTERN = r'^("([!#-\[\]-~]|\\["\\]){1,255}"|[!#-+\--\[\]-~]{1,255})$'
# What `runtime.binding` takes for a header's text.
HEADER_PATTERN = r"^([!-~]([ -~]*[!-~])?)?$"
_NARROWER = frozenset({"pattern", "format", "enum", "const"})
# OpenAPI has its own places for these, and ignores parameters of their names.
_TOLD_ELSEWHERE = ("accept", "content-type", "authorization")
_COUNT = {"schema": {"type": "integer", "minimum": 0}}


class Described(msgspec.Struct, frozen=True):
    """A route with everything that is known about it; `shut` says that strangers are kept out."""

    service: Service
    entry: ServiceEntry
    function: Function
    function_entry: FunctionEntry
    route: Route
    route_entry: RouteEntry
    shut: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the handler takes from the request."""
        found = parameters(self.route.handler, self.route.path)
        return tuple(each for each in found if each.source != "ctx")

    @property
    def returned(self) -> Any:
        """The handler's return type; anything when it has none."""
        return get_type_hints(self.route.handler, include_extras=True).get("return", Any)

    @property
    def successes(self) -> Object:
        """The type of each success by its status."""
        return answers.successes(self.route, self.returned)

    @property
    def types(self) -> list[Any]:
        """Every type that the operation shows."""
        shown = [kind for kind in self.successes.values() if kind not in (None, ..., bytes)]
        return [each.type for each in self.parameters if each.source != "bytes"] + shown

    @property
    def keyed(self) -> bool:
        """Whether the route heeds an Idempotency-Key."""
        return self.function_entry.database and self.route.method in refusals.MUTATING

    @property
    def refusals(self) -> tuple[refusals.Refusal, ...]:
        """Every refusal it can give, with the statuses that are sent."""
        takes = {each.source for each in self.parameters}
        takes |= {"typed path" for each in self.parameters if each.source == "path"}
        return refusals.of(
            self.entry, self.function_entry, self.route_entry, frozenset(takes), shut=self.shut
        )


def operation(described: Described, schemas: Schemas, name: str, *, bodiless: bool = False) -> Object:
    """The operation object, called `name`; `bodiless` for the HEAD of a GET."""
    route = described.route
    summary, _, more = (inspect.getdoc(route.handler) or name).partition("\n")
    made: Object = {"operationId": name, "summary": summary.strip()}
    if more.strip():
        made["description"] = more.strip()
    made["tags"] = [described.function.name]
    if described.service.authorizer is not None and described.shut:
        made["security"] = [] if described.route_entry.public else [{"caller": list(route.scopes)}]
    given = [_parameter(each, schemas, route) for each in described.parameters if _is_told(each)]
    if described.keyed:
        given.append(_key(required=described.route_entry.key_required))
    if given:
        made["parameters"] = given
    for each in described.parameters:
        if each.source in ("body", "bytes"):
            made["requestBody"] = _body(each, schemas, described)
    made["responses"] = _responses(described, schemas)
    if bodiless:
        made["responses"] = {
            status: {key: value for key, value in answer.items() if key != "content"}
            for status, answer in made["responses"].items()
            if status != "303"
        }
    return made


def _responses(described: Described, schemas: Schemas) -> Object:
    headers = _headers(described)
    made = {
        status: answers.success(status, kind, schemas, headers)
        for status, kind in described.successes.items()
    }
    if described.function.stores and any(described.successes.values()):
        made["303"] = answers.elsewhere()
    problems = described.service.problems
    stated = described.route_entry.refuses is not None
    sent: dict[int, list[refusals.Refusal]] = {}
    for each in described.refusals:
        # What API Gateway refuses by itself keeps its status.
        status = problems.status(each.status) if problems and each.by != "gateway" else each.status
        sent.setdefault(status, []).append(each)
    for status, given in sorted(sent.items()):
        made[str(status)] = answers.refused(status, given, problems, schemas, stated=stated)
    if not stated:
        made["4XX"] = answers.unstated()
    return made


def _headers(described: Described) -> Object:
    found: Object = {}
    if described.route_entry.rate is not None:
        found["RateLimit-Limit"] = {"description": "Calls a caller's bucket holds.", **_COUNT}
        found["RateLimit-Remaining"] = {"description": "Calls left now.", **_COUNT}
        found["RateLimit-Reset"] = {"description": "Seconds until all calls are back.", **_COUNT}
    if described.keyed:
        about = "`true` when the answer was kept under the Idempotency-Key, and nothing was done again."
        found["Idempotent-Replayed"] = {"description": about, "schema": {"const": "true"}}
    return found


def _is_told(given: Parameter) -> bool:
    """Whether it stands among the operation's parameters."""
    return given.source not in ("body", "bytes") and given.header not in _TOLD_ELSEWHERE


def _parameter(given: Parameter, schemas: Schemas, route: Route) -> Object:
    made: Object = {"name": given.header or given.name, "in": given.source}
    schema = dict(without_null(schemas[given.type]))
    if given.header and schema.get("type") == "string" and not schema.keys() & _NARROWER:
        schema["pattern"] = HEADER_PATTERN
    about = schema.pop("description", None)
    if about:
        made["description"] = about
    required = given.source == "path" or given.default is msgspec.UNSET
    made["required"] = required
    if not required and given.default is not None:
        schema["default"] = msgspec.to_builtins(given.default, str_keys=True)
    made["schema"] = schema
    if route.example and given.name in route.example:
        made["example"] = msgspec.to_builtins(route.example[given.name], str_keys=True)
    return made


def _key(*, required: bool) -> Object:
    about = (
        "A new UUID for each new wish, the same when you repeat it: the effect happens once, and the first "
        "answer is shown again."
    )
    schema = {"type": "string", "pattern": KEY_PATTERN}
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": required,
        "description": about,
        "schema": schema,
    }


def _body(given: Parameter, schemas: Schemas, described: Described) -> Object:
    if given.source == "bytes":
        return {"required": False, "content": {"*/*": {}}}
    content: Object = {"schema": schemas[given.type]}
    if described.route.example and "body" in described.route.example:
        content["example"] = msgspec.to_builtins(described.route.example["body"], str_keys=True)
    made: Object = {"required": True, "content": {"application/json": content}}
    if described.route.body_limit is not None:
        made = {"description": f"At most {described.route.body_limit} bytes.", **made}
    return made
