"""The MigrationsStack: tables first. Every stack with a service waits for it.

CloudFormation asks CDK's Provider, which stands outside the network and asks the migrator: a migrator that
crashes or runs out of time is told at once, and needs no way to CloudFormation's own address.
"""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambdas
from aws_cdk import custom_resources as cr

from lamppost.cloud.failures import failures
from lamppost.cloud.functions import Ground, function
from lamppost.cloud.monitoring import Monitoring, watch_migrator
from lamppost.cloud.retention import log_group
from lamppost.cloud.rotation import rotation
from lamppost.cloud.site import Place, Site, export
from lamppost.declare import names
from lamppost.derive.manifest import FunctionEntry, ServiceEntry
from lamppost.errors import AuthorError

# The migrator's own 5 minutes, and some for starting it. Unsaid, CloudFormation would wait an hour.
PATIENCE = cdk.Duration.minutes(10)
RESOURCE = "Custom::LamppostMigrations"


class Migrations(msgspec.Struct, frozen=True):
    """The stack to wait for, and whom CloudFormation asks."""

    stack: cdk.Stack
    token: str


def migrations(ground: Ground, watching: Monitoring) -> Migrations:
    """The migrator, and the resource that runs it when the files' digest changes."""
    site = ground.site
    stack = site.stack(site.stage.platform("Migrations"), "Brings the tables to the state of the files")
    for below in (ground.network.stack, ground.server.stack, ground.layers.stack):
        stack.add_stack_dependency(below)
    service, entry = migrator(site)
    place = Place(site, stack, service)
    made = function(
        ground,
        place,
        entry,
        variables={"DB_ADMIN_SECRET_NAME": ground.server.administrator},
        secrets={site.called(names.ADMINISTRATOR): ground.server.administrator},
    )
    failures(place, entry, made)
    watch_migrator(watching, place, entry)
    token = _provider(site, stack, made)
    run = cdk.CustomResource(
        stack,
        "RunMigrations",
        resource_type=RESOURCE,
        service_token=token,
        service_timeout=PATIENCE,
        properties={"digest": site.release.digest, **_soak(site)},
    )
    rotation(site, stack, ground.server.secrets, made, run)
    export(stack, "MigrationHead", run.get_att_string("head"))
    return Migrations(stack, token)


def live(ground: Ground, stack: cdk.Stack, migrated: Migrations, services: list[str]) -> None:
    """Note, behind the functions of `stack`, that their code serves: contract files wait for that."""
    site = ground.site
    heads = {name: site.release.heads[name] for name in services if name in site.release.heads}
    if not heads:
        return
    behind = [child for child in stack.node.children if child.node.id.endswith("Function")]
    noted = cdk.CustomResource(
        stack,
        "CodeIsLive",
        resource_type=RESOURCE,
        service_token=migrated.token,
        service_timeout=PATIENCE,
        properties={"digest": site.release.digest, "live": heads},
    )
    noted.node.add_dependency(*behind)


def migrator(site: Site) -> tuple[ServiceEntry, FunctionEntry]:
    """The one function that migrates, with its service. Raises `AuthorError` where there is none."""
    for service, entry in site.functions():
        if entry.migrates:
            return service, entry
    raise AuthorError(
        "no function of this system migrates", fix="keep services/migrator", code="migrator_missing"
    )


def _soak(site: Site) -> dict[str, str]:
    hours = site.stage.settings.soak_hours
    return {} if hours is None else {"soakHours": f"{hours:g}"}


def _provider(site: Site, stack: cdk.Stack, migrator: lambdas.IFunction) -> str:
    # A name of its own, so that other stacks can ask it without a reference that would tie them together.
    name = f"{site.stage.system}-{site.env}-rollout"
    spoken = log_group(site, stack, "RolloutLogs", names.log_group(name))
    role = iam.Role(
        stack,
        "RolloutRole",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description="Asks the migrator for CloudFormation",
        inline_policies={
            "Ask": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        actions=["lambda:GetFunction", "lambda:InvokeFunction"],
                        resources=[migrator.function_arn],
                    ),
                    iam.PolicyStatement(
                        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                        resources=[spoken.log_group_arn],
                    ),
                ]
            )
        },
    )
    provider = cr.Provider(
        stack,
        "Rollout",
        on_event_handler=migrator,
        provider_function_name=name,
        framework_on_event_role=role.without_policy_updates(),
        log_group=spoken,
    )
    provider.node.add_dependency(role)
    return names.function_arn(name, region=site.region, account=site.account)
