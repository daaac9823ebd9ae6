"""One function: its role, its log group, where it runs, and how many of it are ready."""

from collections.abc import Mapping

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambdas

from lamppost.cloud.database import Server
from lamppost.cloud.egress import DUAL_STACK
from lamppost.cloud.network import Network, build_vpc_lambda_props
from lamppost.cloud.retention import log_group
from lamppost.cloud.role import role
from lamppost.cloud.serving import serving
from lamppost.cloud.shared import ARCHITECTURE, RUNTIME, Layers, code
from lamppost.cloud.site import Place, Site, export
from lamppost.cloud.tuning import tuned
from lamppost.declare import names
from lamppost.derive.environment import environment
from lamppost.derive.manifest import FunctionEntry, ServiceEntry

HANDLER = "lamppost.runtime.entry.handle"


class Ground(msgspec.Struct, frozen=True):
    """What all functions of a stage stand on. `proxy` is the address of RDS Proxy, once there is one."""

    site: Site
    network: Network
    server: Server
    layers: Layers
    proxy: str | None = None


def function(
    ground: Ground,
    place: Place,
    entry: FunctionEntry,
    *,
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> lambdas.IFunction:
    """What callers are led to: the function, or an alias of it. Its ARN and name are outputs."""
    site, stack = ground.site, place.stack
    id = f"{place.id(entry.name)}Function"
    name = site.called(entry.named)
    settings = tuned(site, place.service, entry)
    layers = site.shipped.functions[f"{place.service.name}.{entry.name}"]
    made = lambdas.Function(
        stack,
        id,
        function_name=name,
        description=place.service.about or None,
        runtime=RUNTIME,
        architecture=ARCHITECTURE,
        handler=HANDLER,
        code=code(site.shipped.services[place.service.name]),
        layers=ground.layers.named(layers),
        memory_size=entry.memory_mb,
        timeout=cdk.Duration.seconds(entry.timeout),
        environment={**_variables(ground, place.service, entry), **(variables or {})},
        # What it may do is settled: nothing that is attached to it later widens its role.
        role=role(place, entry, secrets=secrets or {}).without_policy_updates(),
        log_group=log_group(site, stack, f"{id}Logs", names.log_group(name)),
        logging_format=lambdas.LoggingFormat.JSON,
        tracing=lambdas.Tracing.ACTIVE,
        reserved_concurrent_executions=settings.reserved,
        snap_start=lambdas.SnapStartConf.ON_PUBLISHED_VERSIONS if settings.snapstart else None,
        ipv6_allowed_for_dual_stack=True if site.stage.settings.egress == "ipv6" else None,
        **build_vpc_lambda_props(ground.network.vpc, *_groups(ground.network, entry)),
    )
    export(stack, f"{id}Arn", made.function_arn)
    export(stack, f"{id}Name", made.function_name)
    return serving(made, settings, layers=[site.shipped.layers[layer].digest for layer in layers])


def _groups(network: Network, entry: FunctionEntry) -> list[ec2.SecurityGroup]:
    return [network.groups.app, *([network.groups.outside] if entry.internet else [])]


def _variables(ground: Ground, service: ServiceEntry, entry: FunctionEntry) -> dict[str, str]:
    env = ground.site.env
    found = environment(service, entry, stage=env, env=env)
    if entry.migrates or ground.proxy is None:
        found |= {"DB_HOST": ground.server.host} if entry.database or entry.migrates else {}
    elif entry.database:
        found |= {"DB_HOST": ground.proxy, "DB_PROXY": "1"}
    if ground.site.stage.settings.egress == "ipv6":
        found |= DUAL_STACK
    return found
