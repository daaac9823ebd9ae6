"""Classes of routes, and what a bucket's state means to the caller."""

from typing import Any

import pytest

from lamppost.declare.durations import hours, minutes, seconds
from lamppost.declare.identity import Caller
from lamppost.declare.rates import Rate
from lamppost.declare.service import Database, Function, Route, Service, System
from lamppost.derive.describe import describe
from lamppost.derive.manifest import RateEntry, RouteEntry
from lamppost.errors import AuthorError
from lamppost.runtime.limits import Verdict, judge, scope_of

TEN = RateEntry("bulk", 10, 60.0, 6.0, 10, 166.6, 5_000)


def routes(*declared: Route, **more: Any) -> tuple[RouteEntry, ...]:
    """These routes as the manifest has them."""
    api = Function(name="api", routes=declared, database=more.pop("lent", True))
    given = {"database": Database("shop", secret="shop/db"), **more}
    service = Service(name="shop", functions=(api,), **given)
    return describe(System((service,)), {"shop": ""}).services[0].functions[0].routes


def handler() -> None:
    """Do nothing."""


def test_nothing_is_counted_unless_someone_says_so() -> None:
    assert routes(Route("GET /a", handler))[0].rate is None


def test_a_route_names_its_class_and_a_service_the_class_of_the_rest() -> None:
    found = routes(
        Route("GET /a", handler),
        Route("GET /b", handler, rate="bulk"),
        Route("GET /c", handler, rate="off"),
        rate="api",
    )
    assert [route.rate and (route.rate.name, route.rate.count) for route in found] == [
        ("api", 100),
        ("bulk", 10),
        None,
    ]


def test_a_service_may_replace_a_usual_class() -> None:
    (route,) = routes(
        Route("GET /a", handler, rate="auth"), rates=(Rate("auth", 30, per=hours(1), burst=3, callers=10),)
    )
    assert route.rate == RateEntry("auth", 30, 3600.0, 120.0, 3, 10 * 30 / 3600, 30)


def test_the_gateways_throttle_is_that_of_all_callers_within_what_an_account_has() -> None:
    assert (Rate("auth", 5).stage_rate, Rate("auth", 5).stage_burst) == (1_000 * 5 / 60, 5_000)
    assert Rate("fast", 1_000, per=seconds(1), callers=1_000_000).stage_rate == 10_000


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Rate("", 1),
        lambda: Rate("off", 1),
        lambda: Rate("a b", 1),
        lambda: Rate("a", 0),
        lambda: Rate("a", 1, burst=0),
        lambda: Rate("a", 1, callers=0),
        lambda: Rate("a", 1, per=minutes(0)),
        lambda: Rate("a", 1, per=hours(25)),
        lambda: Rate("a", 1_000_000, per=seconds(1)),
        lambda: routes(Route("GET /a", handler, rate="blk")),
        lambda: routes(Route("GET /a", handler), rates=(Rate("a", 1), Rate("a", 2))),
        lambda: routes(Route("GET /a", handler, rate="api"), database=None),
        lambda: routes(Route("GET /a", handler, rate="api"), lent=False),
        lambda: routes(Route("POST /a", handler, idempotency="required"), lent=False),
        lambda: routes(Route("GET /a", handler, idempotency="required")),
        lambda: routes(Route("POST /a", handler, body_limit=0)),
        lambda: routes(Route("POST /a", handler, body_limit=11_000_000)),
        lambda: routes(Route("POST /a", handler), idempotency_keep=seconds(1)),
        lambda: routes(Route("POST /a", handler), idempotency_keep=hours(24 * 31)),
    ],
)
def test_what_cannot_be_meant_is_refused_when_it_is_declared(declare: Any) -> None:
    with pytest.raises(AuthorError) as refusal:
        declare()
    assert refusal.value.fix


def test_a_class_that_is_misspelt_is_guessed() -> None:
    with pytest.raises(AuthorError, match="did you mean 'bulk'"):
        routes(Route("GET /a", handler, rate="blk"))


@pytest.mark.parametrize(
    ("taken", "to_full", "verdict"),
    [
        (True, 6.0, Verdict(9, 6, None)),
        (True, 5.9999, Verdict(9, 6, None)),
        (True, 6.1, Verdict(8, 7, None)),
        (True, 60.0, Verdict(0, 60, None)),
        (True, -3.0, Verdict(10, 0, None)),
        (False, 60.0, Verdict(0, 6, 6)),
        (False, 55.2, Verdict(0, 2, 2)),
        (False, 54.0, Verdict(0, 1, 1)),
    ],
)
def test_a_bucket_says_how_many_are_left_and_when_there_are_more(
    taken: bool, to_full: float, verdict: Verdict
) -> None:
    assert judge(TEN, taken=taken, to_full=to_full) == verdict


def test_a_bucket_belongs_to_a_caller_or_a_network_and_never_to_a_header() -> None:
    def scope(address: str, caller: Caller | None = None, **headers: str) -> str:
        asked = {"requestContext": {"http": {"sourceIp": address}}, "headers": headers}
        return scope_of(TEN, "shop", caller, asked)

    spoofed = {"x-forwarded-for": "198.51.100.7", "x-real-ip": "198.51.100.7"}
    assert scope("192.0.2.1") == scope("192.0.2.1", **spoofed)
    assert scope("192.0.2.1") != scope("192.0.2.2")
    assert scope("192.0.2.1", Caller("ada")) == scope("192.0.2.2", Caller("ada"))
    assert scope("2001:db8:1:2::1") == scope("2001:db8:1:2:ffff:0:0:1")
    assert scope("2001:db8:1:2::1") != scope("2001:db8:1:3::1")
    assert len(scope("", Caller("a" * 9_999))) < 300
