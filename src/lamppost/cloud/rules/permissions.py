"""IAM: no role may do everything, or do it everywhere, and nobody else may take it on."""

from collections.abc import Iterator
from typing import Any

from lamppost.cloud.rules.stacks import Broken, Resource, Stacks, flat, listed
from lamppost.derive.grants import grants

# Where no resource can be named, and why.
EVERYWHERE = {
    "xray:PutTelemetryRecords": "X-Ray has no resources to name",
    "xray:PutTraceSegments": "X-Ray has no resources to name",
    "ec2:AssignPrivateIpAddresses": "Lambda's interface does not exist yet",
    "ec2:CreateNetworkInterface": "Lambda's interface does not exist yet",
    "ec2:DeleteNetworkInterface": "Lambda's interface has no name beforehand",
    "ec2:DescribeNetworkInterfaces": "EC2 describes all or none",
    "ec2:DescribeSubnets": "EC2 describes all or none",
    "ec2:UnassignPrivateIpAddresses": "Lambda's interface has no name beforehand",
    "xray:GetSamplingRules": "X-Ray has no resources to name",
    "xray:GetSamplingTargets": "X-Ray has no resources to name",
    "logs:CreateLogDelivery": "a state machine's logs go through deliveries, which have no names",
    "logs:DeleteLogDelivery": "a state machine's logs go through deliveries, which have no names",
    "logs:DescribeLogGroups": "CloudWatch describes all or none",
    "logs:DescribeResourcePolicies": "CloudWatch describes all or none",
    "logs:GetLogDelivery": "a state machine's logs go through deliveries, which have no names",
    "logs:ListLogDeliveries": "CloudWatch lists all or none",
    "logs:PutResourcePolicy": "the account's policies for log groups have no names",
    "logs:UpdateLogDelivery": "a state machine's logs go through deliveries, which have no names",
    "ssm:UpdateInstanceInformation": "an agent tells of the machine it is on, by no name",
    "ssmmessages:CreateControlChannel": "channels of sessions have no names",
    "ssmmessages:CreateDataChannel": "channels of sessions have no names",
    "ssmmessages:OpenControlChannel": "channels of sessions have no names",
    "ssmmessages:OpenDataChannel": "channels of sessions have no names",
}
# What may stand behind a name: a group's streams, a secret's six characters, objects.
ENDINGS = {
    "logs": (":*",),
    "secretsmanager": ("-??????",),
    "s3": ("/*",),
}
# Policies of AWS's that come with CDK's own functions, which have no names of ours to put in a smaller one.
MANAGED = ("service-role/AWSLambdaBasicExecutionRole",)
# What every function's place needs beside spans and interfaces, which have no names.
LOG = ("logs:CreateLogStream", "logs:PutLogEvents")


def statements(stacks: Stacks) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Every statement of every role and policy, with whose it is."""
    for role in stacks.of("IAM::Role"):
        for policy in role.get("Policies", default=[]):
            for each in listed(policy["PolicyDocument"]["Statement"]):
                yield role, each
    for policy in stacks.of("IAM::Policy", "IAM::ManagedPolicy"):
        for each in listed(policy.get("PolicyDocument", "Statement")):
            yield policy, each


def actions_are_named(stacks: Stacks) -> Iterator[Broken]:
    """A role may do what somebody has named."""
    for owner, statement in statements(stacks):
        if statement["Effect"] != "Allow":
            continue
        for action in listed(statement.get("Action")):
            if "*" in action:
                yield owner.broken(f"may do {action}", "name the actions that its code calls")
        if "NotAction" in statement or "NotResource" in statement:
            yield owner.broken("may do all but what it names", "name what it may do")


def resources_are_named(stacks: Stacks) -> Iterator[Broken]:
    """A role may do it to what somebody has named."""
    for owner, statement in statements(stacks):
        if statement["Effect"] != "Allow":
            continue
        for action in listed(statement.get("Action")):
            for resource in map(flat, listed(statement.get("Resource"))):
                if not _named(action, resource):
                    yield owner.broken(
                        f"may {action} on {resource}", "name the resource, as sends= and reads= do"
                    )


def _named(action: str, resource: str) -> bool:
    if resource == "*":
        return action in EVERYWHERE
    endings = ENDINGS.get(action.partition(":")[0], ())
    name = next((resource.removesuffix(end) for end in endings if resource.endswith(end)), resource)
    return not set(name) & {"*", "?"}


def interfaces_are_lambdas(stacks: Stacks) -> Iterator[Broken]:
    """Lambda makes interfaces with a function's role; the function's own code may not."""
    allowed: dict[tuple[str, str], Resource] = {}
    denied = set()
    for owner, statement in statements(stacks):
        if "ec2:CreateNetworkInterface" in listed(statement.get("Action")):
            if statement["Effect"] == "Allow":
                allowed[owner.stack, owner.id] = owner
            elif "lambda:SourceFunctionArn" in statement.get("Condition", {}).get("ArnEquals", {}):
                denied.add((owner.stack, owner.id))
    for where, owner in allowed.items():
        if where not in denied:
            yield owner.broken(
                "lets its code make network interfaces", "deny them to lambda:SourceFunctionArn"
            )


def roles_trust_a_service(stacks: Stacks) -> Iterator[Broken]:
    """A role is for one of AWS's services, not for whoever has an account."""
    for role in stacks.of("IAM::Role"):
        for statement in listed(role.get("AssumeRolePolicyDocument", "Statement")):
            principal = statement.get("Principal")
            if not isinstance(principal, dict) or set(principal) - {"Service", "Federated"}:
                yield role.broken("may be taken on from outside", "let one service assume it")


def policies_are_our_own(stacks: Stacks) -> Iterator[Broken]:
    """AWS's managed policies name no resources."""
    for role in stacks.of("IAM::Role"):
        for policy in map(flat, role.get("ManagedPolicyArns", default=[])):
            if not (policy.endswith(MANAGED) and role.id.startswith("Custom")):
                yield role.broken(f"has AWS's policy {policy}", "write the statements that it needs")


def callers_are_named(stacks: Stacks) -> Iterator[Broken]:
    """A function is called by what the permission names, not by everyone's API."""
    for permission in stacks.of("Lambda::Permission"):
        if permission.get("Principal") == "*" or not permission.get("SourceArn"):
            yield permission.broken("lets anybody's resource call the function", "name it in SourceArn")


def secrets_and_parameters_are_named_as_aws_does(stacks: Stacks) -> Iterator[Broken]:
    """AWS adds six characters to a secret's name, and none to a parameter's: any other ARN opens nothing."""
    # Whole as the stage says it: RDS made it, and nobody will make it anew.
    whole = stacks.settings.administrator
    for owner, statement in statements(stacks):
        for resource in map(flat, listed(statement.get("Resource"))):
            if ":secret:" in resource and resource != whole and not resource.endswith(("-??????", "{}")):
                yield owner.broken(f"names {resource}", "end it in -??????, as the ARN will")
            if ":parameter" in resource and ":parameter//" in resource:
                yield owner.broken(
                    f"names {resource}", "write parameter/name: the name's own / is not doubled"
                )


def roles_say_what_is_declared(stacks: Stacks) -> Iterator[Broken]:
    """A function may do what its declaration says, what its place needs, and nothing else."""
    declared = {
        f"{service.name}.{entry.name}": {
            action
            for grant in grants(service, entry, env=stacks.env, region="", account="")
            for action in grant.actions
        }
        for service in stacks.manifest.services
        for entry in service.functions
    }
    for function in stacks.of("Lambda::Function"):
        name = function.get("Environment", "Variables", "LAMPPOST_FUNCTION")
        role = stacks.target(function.stack, function.get("Role"))
        if role is None or name not in declared:
            continue
        may = {
            action
            for owner, statement in statements(stacks)
            if (owner.stack, owner.id) == (role.stack, role.id) and statement["Effect"] == "Allow"
            for action in listed(statement["Action"])
        }
        for action in sorted(may ^ declared[name]):
            if action not in EVERYWHERE and action not in LOG:
                what = "may" if action in may else "may not"
                yield role.broken(
                    f"{what} {action}, and {name} says otherwise", "declare sends=, reads=, stores="
                )


RULES = (
    actions_are_named,
    resources_are_named,
    interfaces_are_lambdas,
    roles_trust_a_service,
    policies_are_our_own,
    callers_are_named,
    secrets_and_parameters_are_named_as_aws_does,
    roles_say_what_is_declared,
)
