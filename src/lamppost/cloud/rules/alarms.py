"""Alarms: each watches something that is there, and rings somebody; whatever may fail silently has one."""

from collections.abc import Iterator

from lamppost.cloud.rules.functions import ours
from lamppost.cloud.rules.queues import refuses_plain
from lamppost.cloud.rules.stacks import Broken, Resource, Stacks, flat
from lamppost.cloud.rules.whole import NAMES

ALARM = "CloudWatch::Alarm"
# Dimension to the kinds whose physical name it holds.
WATCHED = {
    "FunctionName": ("Lambda::Function",),
    "QueueName": ("SQS::Queue",),
    "DBInstanceIdentifier": ("RDS::DBInstance",),
    "TopicName": ("SNS::Topic",),
}


def alarms_ring(stacks: Stacks) -> Iterator[Broken]:
    """An alarm that tells nobody is a light in an empty room."""
    for alarm in stacks.of(ALARM):
        if not alarm.get("AlarmActions") or alarm.get("ActionsEnabled") is False:
            yield alarm.broken("rings for nobody", "give it the topic of the stage")


def alarms_watch_what_is_there(stacks: Stacks) -> Iterator[Broken]:
    """A misspelt name is never over its limit."""
    for alarm in stacks.of(ALARM):
        for name, value in _dimensions(alarm):
            kinds = WATCHED.get(name)
            if kinds and not _there(stacks, alarm, kinds, value):
                yield alarm.broken(
                    f"watches {name} {flat(value)}, which no stack makes", "watch what is there"
                )


def _there(stacks: Stacks, alarm: Resource, kinds: tuple[str, ...], value: object) -> bool:
    if isinstance(value, str):
        return any(flat(each.get(NAMES[kind])) == value for kind in kinds for each in stacks.of(kind))
    found = stacks.target(alarm.stack, value)
    return found is not None and found.kind in {f"AWS::{kind}" for kind in kinds}


def _dimensions(alarm: Resource) -> Iterator[tuple[str, object]]:
    measured = [alarm.body.get("Properties", {})]
    for each in alarm.get("Metrics", default=[]):
        measured.append(each.get("MetricStat", {}).get("Metric", {}))
    for metric in measured:
        for dimension in metric.get("Dimensions", []):
            yield dimension["Name"], dimension["Value"]


def every_function_is_watched(stacks: Stacks) -> Iterator[Broken]:
    """A function's errors ring without being asked for."""
    watched = _watched(stacks, "FunctionName")
    for function in ours(stacks):
        if _physical(function, "Lambda::Function") not in watched:
            yield function.broken("fails and nobody hears it", "give it an alarm on Errors")


def dead_letters_are_watched(stacks: Stacks) -> Iterator[Broken]:
    """A dead letter rings without being asked for."""
    watched = _watched(stacks, "QueueName")
    dead = {
        (found.stack, found.id): found
        for queue in stacks.of("SQS::Queue")
        if (found := stacks.target(queue.stack, queue.get("RedrivePolicy", "deadLetterTargetArn")))
    }
    for queue in dead.values():
        if _physical(queue, "SQS::Queue") not in watched:
            yield queue.broken("fills and nobody hears it", "give it an alarm on its depth")


def _watched(stacks: Stacks, dimension: str) -> set[str]:
    found = set()
    for alarm in stacks.of(ALARM):
        for name, value in _dimensions(alarm):
            if name == dimension:
                target = stacks.target(alarm.stack, value)
                found.add(flat(value) if target is None else _physical(target, target.kind[5:]))
    return found


def _physical(resource: Resource, kind: str) -> str:
    return flat(resource.get(NAMES[kind]))


def topics_are_closed(stacks: Stacks) -> Iterator[Broken]:
    """A topic is encrypted by a key that CloudWatch may use: with another, alarms are lost without a word."""
    for topic in stacks.of("SNS::Topic"):
        key = topic.get("KmsMasterKeyId")
        if key is None:
            yield topic.broken("lies open on AWS's disks", "give it a key")
        elif isinstance(key, str) and key.endswith("alias/aws/sns"):
            yield topic.broken(
                "has AWS's own key, which CloudWatch may not use",
                "make a key that cloudwatch.amazonaws.com may",
            )
        else:
            made = stacks.target(topic.stack, key)
            if made is not None and "cloudwatch.amazonaws.com" not in str(made.get("KeyPolicy")):
                yield topic.broken(
                    f"has the key {made.id}, which CloudWatch may not use", "allow cloudwatch.amazonaws.com"
                )


def topics_speak_tls(stacks: Stacks) -> Iterator[Broken]:
    """Nobody publishes without TLS."""
    closed = {
        (found.stack, found.id)
        for policy in stacks.of("SNS::TopicPolicy")
        for each in policy.get("Topics", default=[])
        if (found := stacks.target(policy.stack, each)) and refuses_plain(policy)
    }
    for topic in stacks.of("SNS::Topic"):
        if (topic.stack, topic.id) not in closed:
            yield topic.broken("answers without TLS", "deny aws:SecureTransport false")


RULES = (
    alarms_ring,
    alarms_watch_what_is_there,
    every_function_is_watched,
    dead_letters_are_watched,
    topics_are_closed,
    topics_speak_tls,
)
