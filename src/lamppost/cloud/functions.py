"""One function: its role, its log group, and where it runs."""

from collections.abc import Mapping

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_lambda as lambdas

from lamppost.cloud.database import Server
from lamppost.cloud.network import Network
from lamppost.cloud.retention import log_group
from lamppost.cloud.role import role
from lamppost.cloud.shared import ARCHITECTURE, RUNTIME, Layers, code
from lamppost.cloud.site import Place, Site, export
from lamppost.declare import names
from lamppost.derive.environment import environment
from lamppost.derive.manifest import FunctionEntry, ServiceEntry

HANDLER = "lamppost.runtime.entry.handle"


class Ground(msgspec.Struct, frozen=True):
    """What all functions of a stage stand on."""

    site: Site
    network: Network
    server: Server
    layers: Layers


def function(
    ground: Ground,
    place: Place,
    entry: FunctionEntry,
    *,
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> lambdas.Function:
    """The function, with its ARN and name as outputs."""
    site, stack = ground.site, place.stack
    id = f"{place.id(entry.name)}Function"
    name = site.called(entry.named)
    made = lambdas.Function(
        stack,
        id,
        function_name=name,
        description=place.service.about or None,
        runtime=RUNTIME,
        architecture=ARCHITECTURE,
        handler=HANDLER,
        code=code(site.shipped.services[place.service.name]),
        layers=ground.layers.named(site.shipped.functions[f"{place.service.name}.{entry.name}"]),
        memory_size=entry.memory_mb,
        timeout=cdk.Duration.seconds(entry.timeout),
        environment={**_variables(ground, place.service, entry), **(variables or {})},
        # What it may do is settled: nothing that is attached to it later widens its role.
        role=role(place, entry, secrets=secrets or {}).without_policy_updates(),
        log_group=log_group(site, stack, f"{id}Logs", names.log_group(name)),
        logging_format=lambdas.LoggingFormat.JSON,
        tracing=lambdas.Tracing.ACTIVE,
        reserved_concurrent_executions=entry.concurrency if site.stage.settings.reserved else None,
        **build_vpc_lambda_props(ground.network, internet=entry.internet),
    )
    export(stack, f"{id}Arn", made.function_arn)
    export(stack, f"{id}Name", made.function_name)
    return made


def build_vpc_lambda_props(network: Network, *, internet: bool = False) -> dict[str, object]:
    """Where a function stands: the private subnets, behind the app's security group."""
    return {
        "vpc": network.vpc,
        "vpc_subnets": network.private,
        "security_groups": [network.app, *([network.outside] if internet else [])],
    }


def _variables(ground: Ground, service: ServiceEntry, entry: FunctionEntry) -> dict[str, str]:
    env = ground.site.env
    found = environment(service, entry, stage=env, env=env)
    if entry.database or entry.migrates:
        found["DB_HOST"] = ground.server.host
    return found
