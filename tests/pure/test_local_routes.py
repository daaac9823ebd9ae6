"""Which route answers a call: exact before template, template before greedy, HEAD with GET."""

import pytest

from lamppost import Function, Route, Service, System
from lamppost.derive.describe import describe
from lamppost.local.routes import Routes


def handle() -> None:
    """A handler."""


def routes(*calls: str) -> Routes:
    function = Function(name="api", routes=tuple(Route(call, handle) for call in calls))
    manifest = describe(System((Service(name="shop", functions=(function,)),)), {"shop": "x"})
    return Routes(manifest.services[0])


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/dogs/new", "GET /dogs/new", {}),
        ("GET", "/dogs/rex", "GET /dogs/{id}", {"id": "rex"}),
        ("HEAD", "/dogs/rex", "HEAD /dogs/{id}", {"id": "rex"}),
        ("GET", "/dogs/a%2Fb", "GET /dogs/{id}", {"id": "a/b"}),
        ("GET", "/files/a/b/c", "GET /files/{path+}", {"path": "a/b/c"}),
        ("PUT", "/anything", "ANY /{rest+}", {"rest": "anything"}),
        ("GET", "/dogs/rex/ears", "ANY /{rest+}", {"rest": "dogs/rex/ears"}),
    ],
)
def test_the_closest_route_answers(method, path, key, parameters):
    table = routes("GET /dogs/new", "GET /dogs/{id}", "GET /files/{path+}", "ANY /{rest+}")
    match = table.find(method, path)
    assert match is not None
    assert (match.key, match.parameters) == (key, parameters)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/dogs"),
        ("GET", "/dogs/"),
        ("GET", "/dogs//"),
        ("GET", "/Dogs/new"),
        ("GET", ""),
    ],
)
def test_what_no_route_names_is_nobodys(method, path):
    assert routes("GET /dogs/new", "GET /dogs/{id}").find(method, path) is None


def test_a_method_that_nobody_offers_is_brought_to_a_function_that_says_so():
    match = routes("GET /dogs/new", "POST /dogs/{id}").find("DELETE", "/dogs/7")
    assert (match.key, match.route.public) == ("ANY /dogs/{id}", True)
    assert routes("GET /dogs/new").find("POST", "/dogs/new").key == "ANY /dogs/new"
