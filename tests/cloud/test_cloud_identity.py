"""The IdentityStack: who may come in, what their tokens can say, and what it takes to lose an account."""

import json
from typing import Any

from lamppost.tokens import access
from tests.cloud.conftest import Stage, Synthesised

POOL, CLIENT = "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient"


def pool(stage: Stage) -> dict[str, Any]:
    (found,) = stage.resources(POOL)
    return dict(found["Properties"])


def clients(stage: Stage) -> dict[str, dict[str, Any]]:
    return {each["Properties"]["ClientName"]: each["Properties"] for each in stage.resources(CLIENT)}


def test_its_outputs_say_what_a_page_has_to_know(dev: Stage, shop: Stage) -> None:
    assert dev["Barkbase-IdentityStack-dev"].exports() == {
        key: f"Barkbase-IdentityStack-dev-{key}"
        for key in ("UserPoolId", "UserPoolArn", "Issuer", "AppClientId", "BdayClientId")
    }
    assert {"LoginUrl", "ShopClientId"} <= shop["Shop-IdentityStack-shut"].exports().keys()


def test_every_audience_that_a_service_names_is_a_client(synthesised: Synthesised, stage: Stage) -> None:
    authorizers = [service.authorizer for service in synthesised.manifest.services if service.authorizer]
    assert set(clients(stage)) == {name for each in authorizers for name in each.audience}
    assert pool(stage)["UserPoolName"] == f"lamppost-{stage.env}"


def test_a_stranger_signs_up_and_shows_that_the_address_is_theirs(stage: Stage) -> None:
    found = pool(stage)
    assert found["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is False
    assert found["AutoVerifiedAttributes"] == ["email"]
    # A trigger is what would confirm people unseen.
    assert "LambdaConfig" not in found
    assert found["AccountRecoverySetting"]["RecoveryMechanisms"] == [
        {"Name": "verified_email", "Priority": 1}
    ]


def test_an_account_goes_to_another_address_only_when_that_one_answered(stage: Stage) -> None:
    assert pool(stage)["UserAttributeUpdateSettings"] == {
        "AttributesRequireVerificationBeforeUpdate": ["email"]
    }


def test_a_stage_may_let_in_only_the_invited(shop: Stage) -> None:
    assert pool(shop)["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True


def test_passwords_are_long_and_a_second_factor_is_no_text_message(stage: Stage) -> None:
    found = pool(stage)
    assert found["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
    assert found["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]


def test_people_are_protected_where_data_is(dev: Stage, prod: Stage) -> None:
    assert pool(prod)["DeletionProtection"] == "ACTIVE"
    assert pool(dev)["DeletionProtection"] == "INACTIVE"


def test_nobody_writes_about_themselves_what_services_might_believe(stage: Stage, shop: Stage) -> None:
    for client in (*clients(stage).values(), *clients(shop).values()):
        assert client["WriteAttributes"] == ["email", "locale", "name", "zoneinfo"]
        assert not any(name.startswith("custom:") for name in client["ReadAttributes"])


def test_no_client_takes_a_password_or_keeps_a_secret(stage: Stage) -> None:
    for client in clients(stage).values():
        assert client["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        assert client["GenerateSecret"] is False
        assert client["PreventUserExistenceErrors"] == "ENABLED"
        assert client["EnableTokenRevocation"] is True
        # Without it Cognito lets every flow in.
        assert client["AllowedOAuthFlowsUserPoolClient"] is False


def test_a_token_lives_no_longer_than_functions_take_it(synthesised: Synthesised, stage: Stage) -> None:
    for service in synthesised.manifest.services:
        for name in service.authorizer.audience if service.authorizer else ():
            client = clients(stage)[name]
            assert client["TokenValidityUnits"]["AccessToken"] == "minutes"
            lives = client["AccessTokenValidity"] * 60
            # What a function asks of a token, with the times that Cognito writes.
            claims = {"sub": "a", "iss": "b", "client_id": "c", "token_use": "access", "iat": 0, "exp": lives}
            access.check(claims, lifetime=service.authorizer.lifetime if service.authorizer else 0)


def test_the_login_page_leads_back_with_a_code_and_only_where_it_may(shop: Stage) -> None:
    (client,) = clients(shop).values()
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["CallbackURLs"] == ["https://www.shop.example/in", "http://localhost:5173/in"]
    assert client["LogoutURLs"] == ["https://www.shop.example/"]
    (domain,) = shop.resources("AWS::Cognito::UserPoolDomain")
    assert domain["Properties"]["Domain"] == "shop-shut"
    # The newer page shows nothing to a client without a style.
    (style,) = shop.resources("AWS::Cognito::ManagedLoginBranding")
    assert (domain["Properties"]["ManagedLoginVersion"], style["Properties"]["UseCognitoProvidedValues"]) == (
        2,
        True,
    )


def test_a_scope_that_a_route_asks_for_is_one_that_a_token_can_carry(shop: Stage) -> None:
    (server,) = shop.resources("AWS::Cognito::UserPoolResourceServer")
    assert server["Properties"]["Identifier"] == "shop"
    assert [scope["ScopeName"] for scope in server["Properties"]["Scopes"]] == ["read"]
    (client,) = clients(shop).values()
    assert client["AllowedOAuthScopes"][:3] == ["email", "openid", "profile"]
    assert "/read" in json.dumps(client["AllowedOAuthScopes"][3])


def test_codes_come_from_the_stages_own_address_by_a_domain_that_ses_knows(shop: Stage, dev: Stage) -> None:
    sent = pool(shop)["EmailConfiguration"]
    assert (sent["EmailSendingAccount"], sent["From"]) == ("DEVELOPER", "hello@shop.example")
    assert "identity/shop.example" in json.dumps(sent["SourceArn"])
    # Cognito's own sender: fifty a day.
    assert "EmailConfiguration" not in pool(dev)


def test_groups_give_no_right_in_the_account(shop: Stage) -> None:
    (group,) = shop.resources("AWS::Cognito::UserPoolGroup")
    assert group["Properties"]["GroupName"] == "sellers"
    assert "RoleArn" not in group["Properties"]


def test_stolen_passwords_are_stopped_where_the_stage_pays_for_it(shop: Stage, dev: Stage) -> None:
    assert (pool(shop)["UserPoolTier"], pool(dev)["UserPoolTier"]) == ("PLUS", "ESSENTIALS")
    assert pool(shop)["UserPoolAddOns"] == {"AdvancedSecurityMode": "ENFORCED"}
    (risks,) = shop.resources("AWS::Cognito::UserPoolRiskConfigurationAttachment")
    found = risks["Properties"]["CompromisedCredentialsRiskConfiguration"]
    assert found == {"Actions": {"EventAction": "BLOCK"}}
