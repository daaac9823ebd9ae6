"""Scopes on AWS: what routes ask for is what a token of Cognito's can carry, or the stage is refused."""

import pytest

from lamppost.cloud.identity_scopes import Scopes, scopes
from lamppost.cloud.identity_settings import People
from lamppost.cloud.stages import Stage, StageSettings
from lamppost.declare.identity import Authorizer
from lamppost.declare.service import Function, Route, Service, System
from lamppost.derive.describe import describe
from lamppost.errors import AuthorError, OperatorError

PAGE = People(login="shop", callbacks=("https://www.shop.example/in",))


def act() -> None:
    """Do nothing."""


def stage(people: People) -> Stage:
    return Stage("dev", "shop", "Shop", StageSettings(region="us-east-2", people=people), {})


def found(*asked: str, people: People = PAGE, judge: bool = False) -> Scopes:
    judging = Function(name="judge", handler=act, database=False)
    front = Function(name="front", routes=(Route("GET /", act, scopes=asked),), database=False)
    service = Service(
        name="shop",
        functions=(front, judging),
        authorizer=Authorizer(audience=("page", "app"), function=judging if judge else None),
    )
    return scopes(describe(System((service,)), {"shop": "services/shop"}), stage(people))


def test_each_audience_of_a_service_may_carry_what_its_routes_ask_for() -> None:
    given = found("shop/write", "shop/read", "openid")
    assert given.of("page") == given.of("app") == ("openid", "shop/read", "shop/write")
    assert given.servers() == {"shop": ("read", "write")}
    assert given.of("nobody") == ()


def test_a_scope_of_an_addresss_form_keeps_all_of_it_but_the_last_part() -> None:
    assert found("https://shop.example/api/read").servers() == {"https://shop.example/api": ("read",)}


@pytest.mark.parametrize("scope", ["read", "/read", "read/"])
def test_a_scope_that_cognito_cannot_write_is_refused_with_what_to_write(scope: str) -> None:
    with pytest.raises(AuthorError) as refused:
        found(scope)
    assert refused.value.code == "scope_unfit"
    assert "shop/read" in refused.value.fix


def test_a_stage_where_nobody_could_get_such_a_token_is_refused() -> None:
    with pytest.raises(OperatorError):
        found("openid", people=People())
    with pytest.raises(OperatorError) as refused:
        found("shop/read", people=People())
    assert refused.value.code == "stage_without_login"
    assert "'dev' has no login page" in refused.value.what


def test_what_every_token_carries_asks_for_no_page() -> None:
    assert found("aws.cognito.signin.user.admin", people=People()).servers() == {}
    assert found(people=People()).servers() == {}


def test_a_function_that_judges_may_know_scopes_of_its_own() -> None:
    assert found("write", people=People(), judge=True).servers() == {}
