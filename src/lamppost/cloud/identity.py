"""The IdentityStack: who people are. One pool, and one client for each audience that a service names."""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_cognito as cognito

from lamppost.cloud import identity_login
from lamppost.cloud.identity_scopes import Scopes, scopes
from lamppost.cloud.site import Site, export, pascal

# What a person may change of their own account. Whatever else a token says, nobody writes about themselves.
OWN = cognito.ClientAttributes().with_standard_attributes(
    email=True, fullname=True, locale=True, timezone=True
)
READABLE = OWN.with_standard_attributes(
    email=True, email_verified=True, fullname=True, locale=True, timezone=True
)
# Cognito gives access tokens for no shorter time.
LIFETIME_MIN = 300


class Identity(msgspec.Struct, frozen=True):
    """The pool's address, each audience's client id, and the login page's address, where there is one."""

    stack: cdk.Stack
    pool: str
    issuer: str
    clients: dict[str, str]
    login: str | None


def identity(site: Site) -> Identity | None:
    """The stack, when some service asks for tokens.

    Raises `OperatorError` where routes ask for scopes and the stage has no login page that gives them.
    """
    asked = [service.authorizer for service in site.manifest.services if service.authorizer]
    audiences = sorted({name for authorizer in asked for name in authorizer.audience})
    if not audiences:
        return None
    wanted = scopes(site.manifest, site.stage)
    stack = site.stack(site.stage.platform("Identity"), "Who people are")
    pool = _pool(site, stack)
    for group in site.stage.settings.people.groups:
        cognito.CfnUserPoolGroup(
            stack, f"{pascal(group)}Group", user_pool_id=pool.user_pool_id, group_name=group
        )
    offered = identity_login.servers(pool, wanted)
    clients = {name: _client(site, pool, name, wanted, offered) for name in audiences}
    login = identity_login.page(site, pool, clients)
    ids = {name: str(client.user_pool_client_id) for name, client in clients.items()}
    issuer = f"https://cognito-idp.{site.region}.amazonaws.com/{pool.user_pool_id}"
    export(stack, "UserPoolId", pool.user_pool_id)
    export(stack, "UserPoolArn", pool.user_pool_arn)
    export(stack, "Issuer", issuer)
    for name, client in ids.items():
        export(stack, f"{pascal(name)}ClientId", client)
    if login is not None:
        export(stack, "LoginUrl", login)
    return Identity(stack, pool.user_pool_id, issuer, ids, login)


def _pool(site: Site, stack: cdk.Stack) -> cognito.UserPool:
    people = site.stage.settings.people
    pool = cognito.UserPool(
        stack,
        "UserPool",
        user_pool_name=f"{site.stage.system}-{site.env}",
        feature_plan=cognito.FeaturePlan.PLUS if people.threats else cognito.FeaturePlan.ESSENTIALS,
        standard_threat_protection_mode=(
            cognito.StandardThreatProtectionMode.FULL_FUNCTION if people.threats else None
        ),
        email=_sender(site),
        self_sign_up_enabled=people.sign_up == "anyone",
        # Whoever signs up has to show that the address is theirs: nobody is confirmed unseen.
        sign_in_aliases=cognito.SignInAliases(email=True),
        auto_verify=cognito.AutoVerifiedAttrs(email=True),
        standard_attributes=cognito.StandardAttributes(
            email=cognito.StandardAttribute(required=True, mutable=True)
        ),
        # Nor does an account go over to another address before that address has answered.
        keep_original=cognito.KeepOriginalAttrs(email=True),
        sign_in_case_sensitive=False,
        account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
        mfa=cognito.Mfa.OPTIONAL,
        mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
        password_policy=cognito.PasswordPolicy(
            min_length=12,
            require_digits=True,
            require_lowercase=True,
            require_symbols=True,
            require_uppercase=True,
            temp_password_validity=cdk.Duration.days(3),
        ),
        deletion_protection=site.stage.settings.protected,
        removal_policy=site.kept,
    )
    if people.threats:
        _blocked(stack, pool)
    return pool


def _sender(site: Site) -> cognito.UserPoolEmail | None:
    sender = site.stage.settings.people.sender
    if sender is None:
        return None
    return cognito.UserPoolEmail.with_ses(
        from_email=sender, ses_region=site.region, ses_verified_domain=sender.partition("@")[2]
    )


def _client(
    site: Site, pool: cognito.UserPool, audience: str, wanted: Scopes, offered: identity_login.Servers
) -> cognito.UserPoolClient:
    return pool.add_client(
        f"{pascal(audience)}Client",
        user_pool_client_name=audience,
        auth_flows=cognito.AuthFlow(user_srp=True),
        # A page cannot keep a secret; its code is bound to it by PKCE.
        generate_secret=False,
        **identity_login.oauth(site, wanted.of(audience), offered),
        read_attributes=READABLE,
        write_attributes=OWN,
        prevent_user_existence_errors=True,
        enable_token_revocation=True,
        access_token_validity=cdk.Duration.seconds(_lifetime(site, audience)),
        id_token_validity=cdk.Duration.hours(1),
        refresh_token_validity=cdk.Duration.days(30),
    )


def _lifetime(site: Site, audience: str) -> int:
    """As long as the strictest service allows: functions refuse tokens that live longer than declared."""
    authorizers = [service.authorizer for service in site.manifest.services]
    allowed = [each.lifetime for each in authorizers if each is not None and audience in each.audience]
    return max(LIFETIME_MIN, int(min(allowed)))


def _blocked(stack: cdk.Stack, pool: cognito.UserPool) -> None:
    """What Cognito does about what it finds; by itself it would only count."""
    kinds = cognito.CfnUserPoolRiskConfigurationAttachment
    cognito.CfnUserPoolRiskConfigurationAttachment(
        stack,
        "Risks",
        user_pool_id=pool.user_pool_id,
        client_id="ALL",
        compromised_credentials_risk_configuration=kinds.CompromisedCredentialsRiskConfigurationTypeProperty(
            actions=kinds.CompromisedCredentialsActionsTypeProperty(event_action="BLOCK")
        ),
        account_takeover_risk_configuration=kinds.AccountTakeoverRiskConfigurationTypeProperty(
            actions=kinds.AccountTakeoverActionsTypeProperty(
                high_action=kinds.AccountTakeoverActionTypeProperty(event_action="BLOCK", notify=False),
                medium_action=kinds.AccountTakeoverActionTypeProperty(
                    event_action="MFA_IF_CONFIGURED", notify=False
                ),
            )
        ),
    )
