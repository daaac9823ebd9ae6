"""Which function answers a call: API Gateway's rules over the declared routes.

An exact path wins over a template, a template over a greedy `{name+}`, a named method over
ANY; GET routes answer HEAD. Behind all of them each path has an `ANY` of its own, open to strangers: it
brings a method that nobody offers to a function, which says 405 and what is offered instead.
"""

import re
from urllib.parse import unquote

import msgspec

from lamppost.derive.manifest import RouteEntry, ServiceEntry


class Match(msgspec.Struct, frozen=True):
    """A route that answers: its function's name, its key, the path parameters (decoded), its entry."""

    function: str
    key: str
    parameters: dict[str, str]
    route: RouteEntry


class Routes:
    """One API's table."""

    def __init__(self, service: ServiceEntry) -> None:
        self._exact: dict[tuple[str, str], tuple[str, str, RouteEntry]] = {}
        self._templates: list[tuple[int, re.Pattern[str], str, str, str, RouteEntry]] = []
        for function in service.functions:
            for route in function.routes:
                for method in _methods(route):
                    self._add(function.name, method, route)
        self._templates.sort(key=lambda row: row[0])

    def _add(self, function: str, method: str, route: RouteEntry) -> None:
        path = route.path
        key = f"{method} {path}"
        if "{" not in path:
            self._exact[method, path] = (function, key, route)
            return
        greedy = "+}" in path
        rank = (2 if greedy else 0) + (method == "ANY")
        self._templates.append((rank, _pattern(path), method, function, key, route))

    def find(self, method: str, path: str) -> Match | None:
        """The route for `method` and the raw (still encoded) `path`, or None: the gateway's 404."""
        for wanted in (method, "ANY"):
            exact = self._exact.get((wanted, path))
            if exact is not None:
                return Match(exact[0], exact[1], {}, exact[2])
        for _, pattern, allowed, function, key, route in self._templates:
            if allowed in (method, "ANY"):
                match = pattern.fullmatch(path)
                if match is not None:
                    values = {name: unquote(text) for name, text in match.groupdict().items()}
                    return Match(function, key, values, route)
        return self._other_method(path)

    def _other_method(self, path: str) -> Match | None:
        for (_, known), (function, _, route) in self._exact.items():
            if known == path:
                return Match(function, f"ANY {path}", {}, _open_to_all(route))
        for _, pattern, _, function, _, route in self._templates:
            if pattern.fullmatch(path):
                return Match(function, f"ANY {route.path}", {}, _open_to_all(route))
        return None


def _open_to_all(route: RouteEntry) -> RouteEntry:
    return RouteEntry("ANY", route.path, "", 405)


def _methods(route: RouteEntry) -> tuple[str, ...]:
    return ("GET", "HEAD") if route.method == "GET" else (route.method,)


def _pattern(path: str) -> re.Pattern[str]:
    parts = []
    for segment in path.strip("/").split("/"):
        if segment.startswith("{") and segment.endswith("+}"):
            parts.append(f"(?P<{segment[1:-2]}>.+)")
        elif segment.startswith("{"):
            parts.append(f"(?P<{segment[1:-1]}>[^/]+)")
        else:
            parts.append(re.escape(segment))
    return re.compile("/" + "/".join(parts))
