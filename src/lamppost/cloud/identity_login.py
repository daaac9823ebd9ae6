"""The hosted login page, and what it may write into tokens."""

from aws_cdk import aws_cognito as cognito

from lamppost.cloud.identity_scopes import STANDARD, Scopes
from lamppost.cloud.site import Site, pascal

Servers = dict[str, cognito.OAuthScope]
# Every client may ask who somebody is.
WHO = ("email", "openid", "profile")


def servers(pool: cognito.UserPool, wanted: Scopes) -> Servers:
    """Each custom scope (`orders/write`), made."""
    made: Servers = {}
    for name, owned in wanted.servers().items():
        each = {
            scope: cognito.ResourceServerScope(scope_name=scope, scope_description=f"{name}: {scope}")
            for scope in owned
        }
        server = pool.add_resource_server(
            f"{pascal(name.replace('/', '-').replace(':', '-').replace('.', '-'))}Scopes",
            identifier=name,
            scopes=list(each.values()),
        )
        for scope, written in each.items():
            made[f"{name}/{scope}"] = cognito.OAuthScope.resource_server(server, written)
    return made


def oauth(site: Site, wanted: tuple[str, ...], offered: Servers) -> dict[str, object]:
    """The client's part of the login page: a code for whoever can show that they asked for it."""
    people = site.stage.settings.people
    if people.login is None:
        return {"disable_o_auth": True}
    standard = sorted({*WHO, *(scope for scope in wanted if scope in STANDARD)})
    return {
        "o_auth": cognito.OAuthSettings(
            flows=cognito.OAuthFlows(authorization_code_grant=True),
            scopes=[
                *map(cognito.OAuthScope.custom, standard),
                *(offered[scope] for scope in wanted if scope not in STANDARD),
            ],
            callback_urls=list(people.callbacks),
            logout_urls=list(people.logouts) or None,
        ),
        "supported_identity_providers": [cognito.UserPoolClientIdentityProvider.COGNITO],
    }


def page(site: Site, pool: cognito.UserPool, clients: dict[str, cognito.UserPoolClient]) -> str | None:
    """The login page's address; None where the stage has none."""
    login = site.stage.settings.people.login
    if login is None:
        return None
    prefix = login.replace("{env}", site.env)
    pool.add_domain(
        "Login",
        cognito_domain=cognito.CognitoDomainOptions(domain_prefix=prefix),
        managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
    )
    for name, client in clients.items():
        # Without a style the newer page is not shown at all.
        cognito.CfnManagedLoginBranding(
            pool.stack,
            f"{pascal(name)}LoginStyle",
            user_pool_id=pool.user_pool_id,
            client_id=client.user_pool_client_id,
            use_cognito_provided_values=True,
        )
    return f"https://{prefix}.auth.{site.region}.amazoncognito.com"
