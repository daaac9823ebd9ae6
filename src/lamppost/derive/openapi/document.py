"""The OpenAPI 3.1 document of a service's API, from its declaration and its handlers' types."""

import re
from collections import Counter
from typing import Any

import msgspec

from lamppost.declare.service import Route, Service
from lamppost.derive.manifest import ServiceEntry
from lamppost.derive.openapi.answers import returned_types
from lamppost.derive.openapi.links import link
from lamppost.derive.openapi.operation import Described, Object, operation
from lamppost.derive.openapi.schemas import MESSAGE, PROBLEM, Schemas

_EVERY = ("get", "post", "put", "patch", "delete")
_WORD = re.compile(r"[A-Za-z0-9]+")


class Place(msgspec.Struct, frozen=True):
    """Where an API answers, and its tokens' issuer. `local` doors may stand open."""

    url: str
    issuer: str = ""
    local: bool = True


def document(service: Service, entry: ServiceEntry, place: Place | None = None) -> Object:
    """The document of `service`, whose manifest is `entry`; as it stands at `place`, if one is given."""
    described = _routes(service, entry, place)
    types = [kind for each in described for kind in each.types] + returned_types(service.problems)
    schemas = Schemas(types)
    paths: dict[str, Object] = {}
    names = _names([each.route for each in described])
    for each in described:
        item = paths.setdefault(each.route.path.replace("+}", "}"), {})
        for method, name in names[each.route.call]:
            item[method] = operation(each, schemas, name, bodiless=method == "head")
    link(paths, schemas.components)
    components: Object = {"schemas": {"Problem": PROBLEM, "GatewayMessage": MESSAGE, **schemas.components}}
    components["responses"] = _shared(paths)
    if any(each.shut and not each.route_entry.public for each in described):
        components["securitySchemes"] = {"caller": _scheme(entry, place)}
    info: Object = {"title": service.name, "version": service.version}
    if service.about:
        info["description"] = service.about
    made: Object = {"openapi": "3.1.1", "info": info}
    if place is not None:
        made["servers"] = [{"url": place.url}]
    return {**made, "paths": paths, "components": components}


def write(made: Object) -> bytes:
    """A document as JSON, the same bytes for the same declaration."""
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def _routes(service: Service, entry: ServiceEntry, place: Place | None) -> list[Described]:
    asked = service.authorizer
    shut = asked is not None and (place is None or not place.local or asked.local)
    return [
        Described(service, entry, function, known, route, known_route, shut)
        for function, known in zip(service.functions, entry.functions, strict=True)
        for route, known_route in zip(function.routes, known.routes, strict=True)
    ]


def _names(routes: list[Route]) -> dict[str, list[tuple[str, str]]]:
    """Method and operationId of each operation, by the route's call: its handler's name if that will do."""
    handlers = Counter(route.handler.__name__ for route in routes)
    taken: set[str] = set()
    found = {}
    for route in routes:
        name = route.handler.__name__
        if handlers[name] > 1:
            name = "_".join([name, *_WORD.findall(route.path.lower())])
        methods = [*_EVERY] if route.method == "ANY" else [route.method.lower()]
        named = [
            (method, _free(f"{method}_{name}" if len(methods) > 1 else name, taken)) for method in methods
        ]
        if "get" in methods:
            named.append(("head", _free(f"head_{name}", taken)))
        found[route.call] = named
    return found


def _free(name: str, taken: set[str]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _scheme(entry: ServiceEntry, place: Place | None) -> Object:
    asked = entry.authorizer
    assert asked is not None, "somebody is asked for a token"
    if asked.function is not None:
        return {"type": "http", "scheme": "bearer", "description": "A token that the API's own judge knows."}
    about = f"An access token for {' or '.join(asked.audience)}, {asked.lifetime / 60:g} minutes old at most."
    if place is not None and place.issuer:
        url = f"{place.issuer}/.well-known/openid-configuration"
        return {"type": "openIdConnect", "openIdConnectUrl": url, "description": about}
    return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": about}


def _shared(paths: dict[str, Object]) -> Object:
    """Refusals that several operations give, moved to one place and referred to."""
    seen: Counter[bytes] = Counter()
    operations = [made for item in paths.values() for made in item.values()]
    for made in operations:
        seen.update(_bytes(answer) for answer in made["responses"].values())
    names: dict[bytes, str] = {}
    shared: Object = {}
    for made in operations:
        for status, answer in made["responses"].items():
            key = _bytes(answer)
            if status[0] == "2" or seen[key] == 1:
                continue
            if key not in names:
                first = "".join(word.title() for word in _WORD.findall(answer["description"].split("\n")[0]))
                taken = sum(name.rstrip("0123456789") == first for name in names.values())
                names[key] = f"{first}{taken + 1}" if taken else first
                shared[names[key]] = answer
            made["responses"][status] = {"$ref": f"#/components/responses/{names[key]}"}
    return shared


def _bytes(answer: Any) -> bytes:
    return msgspec.json.encode(answer)
