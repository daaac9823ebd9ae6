"""Stacks as a whole: in their place, in their order, with room left, and free to change."""

import json
import re
from collections.abc import Iterator

from lamppost.cloud.rules.stacks import Broken, Stacks, flat

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
RESOURCES = 500
OUTPUTS = 200
BYTES = 1_000_000
# A stack that comes this near to a limit is split in time.
HEADROOM = 0.7
# Certificates and firewalls of CloudFront are in this region, wherever the stage is.
CLOUDFRONT = "us-east-1"
_PLACED = re.compile(r"arn:aws[a-z-]*:([a-z0-9-]+):([a-z]{2}(?:-[a-z]+)+-[0-9])?:([0-9]{12})?")
# Who may not wait as long as CloudFormation does by itself: an hour, and another for taking it back.
PATIENCE_S = 3600
# Physical names, by the property that holds them: one account and region has each once.
NAMES = {
    "Lambda::Function": "FunctionName",
    "SQS::Queue": "QueueName",
    "SNS::Topic": "TopicName",
    "Logs::LogGroup": "LogGroupName",
    "SecretsManager::Secret": "Name",
    "SSM::Parameter": "Name",
    "Scheduler::Schedule": "Name",
    "CloudWatch::Alarm": "AlarmName",
    "RDS::DBInstance": "DBInstanceIdentifier",
    "S3::Bucket": "BucketName",
}


def room_for_more(stacks: Stacks) -> Iterator[Broken]:
    """No stack comes near CloudFormation's limits."""
    for stack in stacks.stacks.values():
        for what, count, limit in (
            ("resources", len(stack.template.get("Resources", {})), RESOURCES),
            ("outputs", len(stack.template.get("Outputs", {})), OUTPUTS),
            ("bytes", len(json.dumps(stack.template)), BYTES),
        ):
            if count > limit * HEADROOM:
                yield Broken(stack.id, "", f"has {count} {what} of {limit}", "give a part a stack of its own")


def exports_say_whose_they_are(stacks: Stacks) -> Iterator[Broken]:
    """An export is named by its stack and its key, so that no two meet."""
    for stack in stacks.stacks.values():
        for key, output in stack.template.get("Outputs", {}).items():
            name = flat(output["Export"]["Name"]) if "Export" in output else f"{stack.name}-{key}"
            if name != f"{stack.name}-{key}":
                yield Broken(stack.id, key, f"is exported as {name}", f"export it as {stack.name}-{key}")


def nothing_is_locked(stacks: Stacks) -> Iterator[Broken]:
    """What one stack imports another cannot change: decision 0021."""
    for stack in stacks.stacks.values():
        if "Fn::ImportValue" in json.dumps(stack.template):
            yield Broken(
                stack.id, "", "imports what another stack then may not change", "use a weak reference"
            )


def everything_is_at_home(stacks: Stacks) -> Iterator[Broken]:
    """What a template names is in the stage's region and account."""
    settings = stacks.settings
    for stack in stacks.stacks.values():
        for each in stack.resources():
            for service, region, account in _PLACED.findall(json.dumps(each.body.get("Properties", {}))):
                edge = region == CLOUDFRONT and service in ("acm", "wafv2", "cloudfront")
                if region and region != settings.region and not edge:
                    yield each.broken(f"names {service} in {region}", f"name it in {settings.region}")
                if account and account != settings.account:
                    yield each.broken(f"names {service} of account {account}", "leave the account to AWS")


def references_are_at_home(stacks: Stacks) -> Iterator[Broken]:
    """What one stack reads of another exists: same region, a stack of ours, an output of its."""
    known = {stack.name: set(stack.template.get("Outputs", {})) for stack in stacks.stacks.values()}
    for stack in stacks.stacks.values():
        for output in _references(stack.template):
            name, key = output.get("StackName"), output.get("OutputName")
            if key not in known.get(str(name), ()) or output.get("Region") != stacks.settings.region:
                yield Broken(stack.id, "", f"reads {key} of {name}, which is not there", "deploy it first")


def _references(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        if isinstance(value.get("Fn::GetStackOutput"), dict):
            yield value["Fn::GetStackOutput"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def tables_come_first(stacks: Stacks) -> Iterator[Broken]:
    """Code that asks a database is deployed behind the migrations."""
    runs = [stack.id for stack in stacks.stacks.values() if "RunMigrations" in stack.template["Resources"]]
    if len(runs) != 1:
        yield Broken("", "RunMigrations", f"stands in {len(runs)} stacks", "keep services/migrator")
        return
    for function in stacks.of("Lambda::Function"):
        asks = function.get("Environment", "Variables", "DB_HOST")
        if asks and function.stack != runs[0] and not stacks.behind(function.stack, runs[0]):
            yield function.broken("may go live before its tables", f"let its stack wait for {runs[0]}")


def live_is_noted_behind_the_code(stacks: Stacks) -> Iterator[Broken]:
    """That new code serves is noted when it does: contract migrations go by it."""
    for stack in stacks.stacks.values():
        noted = stack.template["Resources"].get("CodeIsLive")
        if noted is None:
            continue
        for each in stack.resources():
            ours = each.get("Environment", "Variables", "LAMPPOST_FUNCTION")
            if each.kind == "AWS::Lambda::Function" and ours and each.id not in noted.get("DependsOn", []):
                yield each.broken("may come after CodeIsLive", "add it to its DependsOn")


def custom_resources_give_up(stacks: Stacks) -> Iterator[Broken]:
    """A custom resource that does not answer is not waited for, for an hour."""
    for stack in stacks.stacks.values():
        for each in stack.resources():
            if each.kind.startswith("Custom::Lamppost"):
                patience = int(each.get("ServiceTimeout", default=PATIENCE_S))
                if patience >= PATIENCE_S:
                    yield each.broken("is waited for an hour", "set its ServiceTimeout")


def names_are_taken_once(stacks: Stacks) -> Iterator[Broken]:
    """No two resources of a stage have one name."""
    for kind, name in NAMES.items():
        seen: dict[str, str] = {}
        for each in stacks.of(kind):
            called = flat(each.get(name)) if each.get(name) is not None else ""
            if called and called != "{}":
                other = seen.setdefault(called, f"{each.stack}/{each.id}")
                if other != f"{each.stack}/{each.id}":
                    yield each.broken(f"is called {called}, as {other} is", "call it something else")


def logs_end(stacks: Stacks) -> Iterator[Broken]:
    """What was said is kept as long as the stage says, and not for ever."""
    for group in stacks.of("Logs::LogGroup"):
        days = group.get("RetentionInDays")
        if days is None or days > stacks.settings.log_days:
            kept = "for ever" if days is None else f"{days} days"
            yield group.broken(
                f"is kept {kept}", f"keep it {stacks.settings.log_days} days, as the stage says"
            )


RULES = (
    room_for_more,
    exports_say_whose_they_are,
    nothing_is_locked,
    everything_is_at_home,
    references_are_at_home,
    tables_come_first,
    live_is_noted_behind_the_code,
    custom_resources_give_up,
    names_are_taken_once,
    logs_end,
)
