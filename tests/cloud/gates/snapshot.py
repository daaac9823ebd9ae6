"""What must not be replaced: data, addresses that people know, and names that other systems have.

CloudFormation replaces a resource whose logical id changes, or one of the properties below, and what was in
it is gone or has another address. `stateful.json` holds both as they are; a change of it is read by a person.
"""

import json
from pathlib import Path
from typing import Any

from lamppost.cloud.rules.stacks import Stacks

KEPT = Path(__file__).with_name("stateful.json")
AGAIN = "python -m tests.cloud.gates --write"

# AWS's own schemas call these createOnly (test_cloud_lint holds them against cfn-lint's copy). To them come
# properties whose change keeps the resource and loses what is in it.
REPLACED_BY: dict[str, tuple[str, ...]] = {
    "AWS::RDS::DBInstance": (
        "BackupTarget", "CharacterSetName", "CustomIAMInstanceProfile", "DBClusterIdentifier",
        "DBInstanceIdentifier", "DBName", "DBSubnetGroupName", "DBSystemId", "KmsKeyId", "MasterUsername",
        "NcharCharacterSetName", "SourceRegion", "StorageEncrypted", "Timezone",
    ),
    "AWS::RDS::DBSubnetGroup": ("DBSubnetGroupName",),
    "AWS::S3::Bucket": ("BucketName", "BucketNamePrefix", "BucketNamespace"),
    "AWS::SQS::Queue": ("FifoQueue", "QueueName"),
    "AWS::SNS::Topic": ("TopicName", "FifoTopic"),
    "AWS::Cognito::UserPool": (),
    "AWS::Cognito::UserPoolClient": ("GenerateSecret", "UserPoolId"),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::ApiGatewayV2::Api": ("ProtocolType",),
    "AWS::CloudFront::Distribution": (),
    "AWS::KMS::Key": (),
    "AWS::EC2::VPC": ("CidrBlock", "Ipv4IpamPoolId", "Ipv4NetmaskLength", "VpcEncryptionControl"),
    "AWS::EC2::Subnet": (
        "VpcId", "AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "OutpostArn", "Ipv6Native",
        "Ipv4IpamPoolId", "Ipv4NetmaskLength", "Ipv6IpamPoolId", "Ipv6NetmaskLength",
    ),
}  # fmt: skip
LOST_BY: dict[str, tuple[str, ...]] = {
    # A new template makes a new value: sessions end, signatures fail.
    "AWS::SecretsManager::Secret": ("GenerateSecretString",),
    # AWS refuses to change what people sign in with, or who may sign up, once there are people.
    "AWS::Cognito::UserPool": ("AliasAttributes", "UsernameAttributes", "UsernameConfiguration"),
    # Below the size that is there, and back to an older version, there is no way.
    "AWS::RDS::DBInstance": ("Engine", "SourceDBInstanceIdentifier"),
}


def stateful(stacks: Stacks) -> dict[str, dict[str, Any]]:
    """`stack/logical id` to the type and the properties that must stay."""
    found = {}
    for stack in stacks.stacks.values():
        for each in stack.resources():
            if each.kind in REPLACED_BY:
                names = (*REPLACED_BY[each.kind], *LOST_BY.get(each.kind, ()))
                properties = each.body.get("Properties", {})
                kept = {name: properties[name] for name in sorted(names) if name in properties}
                found[f"{stack.name}/{each.id}"] = {"Type": each.kind, **kept}
    return dict(sorted(found.items()))


def replaced(stacks: Stacks, kept: dict[str, dict[str, Any]]) -> list[str]:
    """What a deployment of `stacks` over `kept` would replace or lose, in sentences."""
    now = stateful(stacks)
    told = []
    for where, before in kept.items():
        after = now.get(where)
        if after is None:
            told.append(
                f"{where} is gone: its {before['Type']} would be deleted, or made anew under another id"
            )
            continue
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                told.append(
                    f"{where}: {name} was {before.get(name)!r}, is {after.get(name)!r}: it is replaced"
                )
    return told


def read() -> dict[str, dict[str, dict[str, Any]]]:
    """The kept state of each stage."""
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(KEPT.read_text())
    return found


def write(stages: dict[str, Stacks]) -> None:
    """Keep what is now."""
    KEPT.write_text(json.dumps({env: stateful(each) for env, each in stages.items()}, indent=1) + "\n")
