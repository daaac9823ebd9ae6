"""The MonitoringStack: where alarms are heard, the ground's own, and the budget.

A service's alarms stand in its own stacks, beside what they watch: neither is ever there without the other.
"""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_ec2 as ec2

from lamppost.cloud import dashboards
from lamppost.cloud.alarms import ring
from lamppost.cloud.budgets import budget
from lamppost.cloud.site import Place, Site
from lamppost.cloud.topics import topic, topic_arn
from lamppost.derive.alarms import of_function, of_ground, of_service
from lamppost.derive.instances import Server, memory_gb
from lamppost.derive.manifest import FunctionEntry
from lamppost.derive.measures import API_ID, JOBS_ARN, WAY_OUT, Alarm


class Monitoring(msgspec.Struct, frozen=True):
    """The stack, the ARN of the topic that every alarm of the stage speaks on, and the ground's alarms."""

    stack: cdk.Stack
    topic: str
    ground: tuple[Alarm, ...]


def monitoring(site: Site) -> Monitoring:
    """The stack. It refers to no other: what it watches, it knows by name."""
    stack = site.stack(site.stage.platform("Monitoring"), "Who is called when something is wrong")
    topic(site, stack)
    server = _server(site)
    found = tuple(of_ground(site.manifest, server, site.stage.settings.egress))
    watching = Monitoring(stack, topic_arn(site), found)
    for alarm in found:
        if not alarm.waits_for(JOBS_ARN) and not alarm.waits_for(WAY_OUT):
            ring(stack, alarm, watching.topic)
    if site.stage.settings.dashboards:
        dashboards.of_ground(site, stack, server, found)
    budget(site, stack, watching.topic)
    return watching


def watch(watching: Monitoring, place: Place, *, beside: cdk.Stack | None = None, api: str = "") -> None:
    """Every alarm of the place's service, and its dashboard; its API is `api`, in the stack `beside`."""
    site = place.site
    there = beside or place.stack
    place.stack.add_stack_dependency(watching.stack)
    serving = tuple(entry for entry in place.service.functions if not entry.migrates)
    service = msgspec.structs.replace(place.service, functions=serving)
    found = tuple(of_service(service, site.env))
    for alarm in found:
        ring(there if alarm.waits_for(API_ID) else place.stack, alarm.at(API_ID, api), watching.topic)
    if site.stage.settings.dashboards:
        shown = tuple(alarm.at(API_ID, api) for alarm in found)
        dashboards.of_service(site, there, service, shown, api)


def watch_migrator(watching: Monitoring, place: Place, entry: FunctionEntry) -> None:
    """Every alarm of the function that migrates. Whatever else its service has is watched where it stands."""
    place.stack.add_stack_dependency(watching.stack)
    for alarm in of_function(entry, place.service, place.site.env):
        ring(place.stack, alarm, watching.topic)


def watch_jobs(watching: Monitoring, stack: cdk.Stack, machine: str) -> None:
    """The alarm of heavy migrations, in their own `stack`; `machine` is the ARN of the state machine."""
    _ring_beside(watching, stack, JOBS_ARN, machine)


def watch_way_out(watching: Monitoring, stack: cdk.Stack, vpc: ec2.Vpc) -> None:
    """The alarm of what leads functions to the internet, in the network's own `stack`."""
    stack.add_stack_dependency(watching.stack)
    for subnet in vpc.public_subnets:
        gateway = subnet.node.try_find_child("NATGateway")
        instance = subnet.node.try_find_child("NatInstance")
        if isinstance(gateway, ec2.CfnNatGateway):
            _ring_beside(watching, stack, WAY_OUT, gateway.attr_nat_gateway_id)
        if isinstance(instance, ec2.Instance):
            _ring_beside(watching, stack, WAY_OUT, instance.instance_id)


def _ring_beside(watching: Monitoring, stack: cdk.Stack, unknown: str, value: str) -> None:
    for alarm in watching.ground:
        if alarm.waits_for(unknown):
            ring(stack, alarm.at(unknown, value), watching.topic)


def _server(site: Site) -> Server:
    settings = site.stage.settings
    name = f"{site.stage.system}-{site.env}"
    return Server(
        name,
        memory_gb(settings.instance),
        replicas=(f"{name}-replica",) if settings.replica else (),
        proxy=name if settings.proxy else None,
    )
