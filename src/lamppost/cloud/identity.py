"""The IdentityStack: who people are. One pool, and one client for each audience that a service names."""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_cognito as cognito

from lamppost.cloud.site import Site, export, pascal


class Identity(msgspec.Struct, frozen=True):
    """The pool's address, and each audience's client id."""

    stack: cdk.Stack
    issuer: str
    clients: dict[str, str]


def identity(site: Site) -> Identity | None:
    """The stack, when some service asks for tokens."""
    asked = [service.authorizer for service in site.manifest.services if service.authorizer]
    audiences = sorted({name for authorizer in asked for name in authorizer.audience})
    if not audiences:
        return None
    stack = site.stack(site.stage.platform("Identity"), "Who people are")
    pool = cognito.UserPool(
        stack,
        "UserPool",
        user_pool_name=f"{site.stage.system}-{site.env}",
        self_sign_up_enabled=True,
        # Whoever signs up has to show that the address is theirs: nobody is confirmed unseen.
        sign_in_aliases=cognito.SignInAliases(email=True),
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
        ),
        deletion_protection=site.stage.settings.protected,
        removal_policy=site.kept,
    )
    clients = {name: _client(pool, name) for name in audiences}
    export(stack, "UserPoolId", pool.user_pool_id)
    for name, client in clients.items():
        export(stack, f"{pascal(name)}ClientId", client)
    issuer = f"https://cognito-idp.{site.region}.amazonaws.com/{pool.user_pool_id}"
    return Identity(stack, issuer, clients)


def _client(pool: cognito.UserPool, audience: str) -> str:
    client = pool.add_client(
        f"{pascal(audience)}Client",
        user_pool_client_name=audience,
        auth_flows=cognito.AuthFlow(user_srp=True),
        generate_secret=False,
        disable_o_auth=True,
        prevent_user_existence_errors=True,
        enable_token_revocation=True,
        access_token_validity=cdk.Duration.hours(1),
        id_token_validity=cdk.Duration.hours(1),
        refresh_token_validity=cdk.Duration.days(30),
    )
    return str(client.user_pool_client_id)
