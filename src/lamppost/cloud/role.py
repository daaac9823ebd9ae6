"""A role for each function: what `derive/grants` reads off the declaration, and three rights of the place."""

from collections.abc import Iterator, Mapping

from aws_cdk import aws_iam as iam

from lamppost.cloud.site import Place
from lamppost.declare import names
from lamppost.derive import grants
from lamppost.derive.manifest import FunctionEntry


def role(place: Place, entry: FunctionEntry, *, secrets: Mapping[str, str]) -> iam.Role:
    """The role of one function. `secrets` maps our names of secrets to ARNs that AWS chose."""
    name = place.site.called(entry.named)
    return iam.Role(
        place.stack,
        f"{place.id(entry.name)}FunctionRole",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description=f"What {name} may do",
        inline_policies={
            place.id(entry.name): iam.PolicyDocument(statements=list(_statements(place, entry, secrets)))
        },
    )


def _statements(
    place: Place, entry: FunctionEntry, secrets: Mapping[str, str]
) -> Iterator[iam.PolicyStatement]:
    site = place.site
    name = site.called(entry.named)
    where = {"region": site.region, "account": site.account}
    function = names.function_arn(name, **where)
    yield _allow("Log", grants.LOG, place.logs(name))
    yield _allow("Trace", grants.SPANS, "*")
    yield _allow("Interfaces", grants.INTERFACES, "*")
    yield iam.PolicyStatement(
        # Lambda itself uses those rights; the function's own code may not.
        sid="InterfacesAreLambdas",
        effect=iam.Effect.DENY,
        actions=list(grants.INTERFACES),
        resources=["*"],
        # A published version says its number behind the name.
        conditions={"ArnEquals": {"lambda:SourceFunctionArn": [function, f"{function}:*"]}},
    )
    for grant in grants.grants(place.service, entry, env=site.env, **where):
        yield _allow(None, grant.actions, _whole(grant.resource, secrets))


def _allow(sid: str | None, actions: tuple[str, ...], resource: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=list(actions), resources=[resource])


def _whole(resource: str, secrets: Mapping[str, str]) -> str:
    """The ARN as AWS has it: six characters that nobody knows stand behind a secret's name."""
    if ":secretsmanager:" not in resource:
        return resource
    name = resource.partition(":secret:")[2]
    return secrets.get(name) or f"{resource}-??????"
