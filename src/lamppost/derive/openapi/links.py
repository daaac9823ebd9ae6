"""Where to go on from an answer: what was made by `POST /orders` is found at `/orders/{id}`.

https://spec.openapis.org/oas/v3.1.1.html#link-object
"""

import re
from typing import Any

_PARAMETER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


def link(paths: dict[str, dict[str, Any]], schemas: dict[str, Any]) -> None:
    """Add links to each POST's answers with an `id`: to every operation below its path that takes one."""
    for path, item in paths.items():
        if "post" not in item:
            continue
        found = _below(path, paths)
        for status, answer in item["post"]["responses"].items():
            if status[0] == "2" and found and _has_id(answer, schemas):
                answer["links"] = found


def _below(path: str, paths: dict[str, dict[str, Any]]) -> dict[str, Any]:
    given = {name: f"$request.path.{name}" for name in _PARAMETER.findall(path)}
    base = path.rstrip("/")
    found = {}
    for other, item in paths.items():
        names = _PARAMETER.findall(other)
        if not re.match(re.escape(base) + r"/\{", other) or len(names) != len(given) + 1:
            continue
        for made in item.values():
            parameters = {**given, names[-1]: "$response.body#/id"}
            name = made["operationId"]
            found[name] = {"operationId": name, "parameters": parameters}
    return found


def _has_id(answer: dict[str, Any], schemas: dict[str, Any]) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    named = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    return "id" in named.get("required", ()) and "id" in named.get("properties", {})
