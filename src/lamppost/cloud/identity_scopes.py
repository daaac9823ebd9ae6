"""Scopes that routes ask for, as Cognito can write them into a token: `server/scope`."""

import msgspec

from lamppost.cloud.stages import Stage
from lamppost.derive.manifest import Manifest, ServiceEntry
from lamppost.errors import AuthorError, OperatorError

# Cognito has these itself.
STANDARD = frozenset({"openid", "email", "phone", "profile", "aws.cognito.signin.user.admin"})
# And this one it writes without a page, for whoever signs in.
ALWAYS = frozenset({"aws.cognito.signin.user.admin"})


class Scopes(msgspec.Struct, frozen=True):
    """What the routes of each audience's services ask for."""

    by_audience: dict[str, frozenset[str]]

    def of(self, audience: str) -> tuple[str, ...]:
        """The scopes that tokens for `audience` may carry, sorted."""
        return tuple(sorted(self.by_audience.get(audience, frozenset())))

    def servers(self) -> dict[str, tuple[str, ...]]:
        """Each resource server with its scopes."""
        every = sorted({scope for found in self.by_audience.values() for scope in found} - STANDARD)
        found: dict[str, tuple[str, ...]] = {}
        for scope in every:
            server, _, name = scope.rpartition("/")
            found[server] = (*found.get(server, ()), name)
        return found


def scopes(manifest: Manifest, stage: Stage) -> Scopes:
    """What tokens of this system have to be able to carry in `stage`.

    Raises `AuthorError` for a scope that Cognito cannot write, `OperatorError` where no page gives any.
    """
    found: dict[str, frozenset[str]] = {}
    for service in manifest.services:
        if service.authorizer is None or not service.authorizer.audience:
            continue
        asked = frozenset(
            scope for function in service.functions for route in function.routes for scope in route.scopes
        )
        # A function that judges tokens itself may take any issuer's.
        if service.authorizer.function is None:
            _check(stage, service, asked - ALWAYS)
        for audience in service.authorizer.audience:
            found[audience] = found.get(audience, frozenset()) | {
                scope for scope in asked if "/" in scope or scope in STANDARD
            }
    return Scopes(found)


def _check(stage: Stage, service: ServiceEntry, asked: frozenset[str]) -> None:
    for scope in sorted(asked - STANDARD):
        if "/" not in scope.strip("/"):
            raise AuthorError(
                f"routes of service {service.name!r} ask for the scope {scope!r}, which Cognito cannot write",
                fix=f'write a scope with its owner before it: "{service.name}/{scope.strip("/")}"',
                code="scope_unfit",
            )
    if asked and stage.settings.people.login is None:
        raise OperatorError(
            f"routes of service {service.name!r} ask for the scope {min(asked)!r}, and {stage.env!r} has no"
            " login page: nobody could get a token with it",
            fix="give the stage people.login and people.callbacks in infra/stages.toml",
            code="stage_without_login",
        )
