"""The MonitoringStack: where alarms are heard, the ground's own, and the budget.

A service's alarms stand in its own stacks, beside what they watch: neither is ever there without the other.
"""

import aws_cdk as cdk
import msgspec

from lamppost.cloud import dashboards
from lamppost.cloud.alarms import of_api, ring
from lamppost.cloud.budgets import budget
from lamppost.cloud.site import Place, Site
from lamppost.cloud.topics import topic, topic_arn
from lamppost.derive.alarms import of_service
from lamppost.derive.instances import Server, database, memory_gb


class Monitoring(msgspec.Struct, frozen=True):
    """The stack, and the ARN of the topic that every alarm of the stage speaks on."""

    stack: cdk.Stack
    topic: str


def monitoring(site: Site) -> Monitoring:
    """The stack. It refers to no other: what it watches, it knows by name."""
    stack = site.stack(site.stage.platform("Monitoring"), "Who is called when something is wrong")
    arn = topic_arn(site)
    topic(site, stack)
    server = Server(f"{site.stage.system}-{site.env}", memory_gb(site.stage.settings.instance))
    found = tuple(database(server))
    for alarm in found:
        ring(stack, alarm, arn)
    if site.stage.settings.dashboards:
        dashboards.of_ground(site, stack, server, found)
    budget(site, stack, arn)
    return Monitoring(stack, arn)


def watch(watching: Monitoring, place: Place, *, beside: cdk.Stack | None = None, api: str = "") -> None:
    """Every alarm of the place's service, and its dashboard; its API is `api`, in the stack `beside`."""
    site, service = place.site, place.service
    there = beside or place.stack
    place.stack.add_stack_dependency(watching.stack)
    found = tuple(of_service(service, site.env))
    for alarm in found:
        ring(there if of_api(alarm) else place.stack, alarm, watching.topic, api=api)
    if site.stage.settings.dashboards and not dashboards.stands_before(service):
        dashboards.of_service(site, there, service, found, api)
