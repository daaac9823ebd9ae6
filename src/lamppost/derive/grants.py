"""Permissions: read off `sends=`, `reads=`, the database and the queues, never guessed.

On AWS each becomes a line of the function's role; on one machine the AWS port refuses
whatever is not here.
"""

from collections.abc import Iterator

import msgspec

from lamppost.declare import limits, names
from lamppost.declare.bucket import place as placed
from lamppost.derive.manifest import FunctionEntry, ServiceEntry

# What every function's role has on AWS, whatever it declares.
LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
# X-Ray has no resources to name.
SPANS = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
# Lambda makes a function's network interfaces with the function's role, and none can be named beforehand.
INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


class Grant(msgspec.Struct, frozen=True):
    """`actions` are allowed on `resource` (an ARN), and `because` says whose wish that is."""

    actions: tuple[str, ...]
    resource: str
    because: str

    def allows(self, action: str, resource: str) -> bool:
        """Whether this grant lets its holder do `action` (`sqs:SendMessage`) to `resource`."""
        if action not in self.actions:
            return False
        if self.resource.endswith("*"):
            return resource.startswith(self.resource[:-1])
        return resource == self.resource


READ_SECRET = ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret")
# The version that a rotation prepares, and the label that makes it the current one.
ROTATE = ("secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage")
READ_PARAMETER = ("ssm:GetParameter", "ssm:GetParameters")
SEND = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
REMOVE = ("s3:DeleteObject",)
STORE = ("s3:PutObject", "s3:GetObject")
# Without it S3 says of an object that is not there what it says of a forbidden one.
TELL_MISSING = ("s3:ListBucket",)
CONSUME = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")


def grants(
    service: ServiceEntry,
    function: FunctionEntry,
    *,
    env: str,
    region: str = names.LOCAL_REGION,
    account: str = names.LOCAL_ACCOUNT,
) -> tuple[Grant, ...]:
    """Everything `function` may do, beyond writing its own log."""
    place = {"region": region, "account": account}
    return tuple(_grants(service, function, env, place))


def _grants(
    service: ServiceEntry, function: FunctionEntry, env: str, place: dict[str, str]
) -> Iterator[Grant]:
    def called(name: str) -> str:
        return names.physical(name, env)

    if function.database and service.database is not None:
        secret = service.database.secret
        yield Grant(
            READ_SECRET, names.secret_arn(called(secret), **place), f"its database's secret is {secret}"
        )
    opened = [names.ADMINISTRATOR, *(database.secret for database in function.migrates)]
    for name in opened if function.migrates else ():
        yield Grant(READ_SECRET, names.secret_arn(called(name), **place), "it migrates")
    for database in function.migrates:
        yield Grant(ROTATE, names.secret_arn(called(database.secret), **place), "it gives new passwords")
    for name in function.reads_secrets:
        yield Grant(READ_SECRET, names.secret_arn(called(name), **place), f"reads={name}")
    for name in function.reads_parameters:
        yield Grant(READ_PARAMETER, names.parameter_arn(called(name), **place), f"reads={name}")
    for name in function.sends:
        yield Grant(SEND, names.queue_arn(called(name), **place), f"sends={name}")
    for stored in function.stores:
        name, prefix = placed(stored)
        bucket = names.bucket_arn(names.bucket(name, env, account=place["account"]))
        yield Grant(STORE, f"{bucket}/{prefix}*", f"stores={stored}")
        if stored in function.deletes:
            yield Grant(REMOVE, f"{bucket}/{prefix}*", f"deletes={stored}")
        yield Grant(TELL_MISSING, bucket, f"a missing object of {stored} is to be a 404")
    if function.stores and function.kind == "http":
        name, _ = placed(function.stores[0])
        bucket = names.bucket_arn(names.bucket(name, env, account=place["account"]))
        yield Grant(STORE, f"{bucket}/{limits.ANSWERS}*", "its answers over 5 MB go there")
    for queue in service.queues:
        if queue.runs == function.name:
            yield Grant(CONSUME, names.queue_arn(called(queue.name), **place), f"it is run by {queue.name}")
    if function.kind in ("schedule", "invoke"):
        kept = names.failures(function.named)
        yield Grant(
            ("sqs:SendMessage",), names.queue_arn(called(kept), **place), "its failed events go there"
        )
