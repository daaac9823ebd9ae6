"""Data: it outlives its stack, and nobody reaches it from outside."""

from collections.abc import Iterator

from lamppost.cloud.rules.queues import refuses_plain
from lamppost.cloud.rules.stacks import Broken, Resource, Stacks

# What must not go with its stack, and the gentlest way in which it may stay.
KEPT = {
    "RDS::DBInstance": ("Snapshot", "Retain"),
    "RDS::DBCluster": ("Snapshot", "Retain"),
    "S3::Bucket": ("Retain",),
    "SecretsManager::Secret": ("Retain",),
    "Cognito::UserPool": ("Retain",),
    "EFS::FileSystem": ("Retain",),
}
CLOSED = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def data_outlives_its_stack(stacks: Stacks) -> Iterator[Broken]:
    """A stack that goes, or a change that replaces, leaves the data; unless the whole stage is to go."""
    if stacks.settings.ephemeral:
        return
    for kind, ways in KEPT.items():
        for each in stacks.of(kind):
            # A replica holds nothing that its source does not.
            if each.get("SourceDBInstanceIdentifier"):
                continue
            for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
                if each.body.get(policy, "Delete") not in ways:
                    yield each.broken(f"is gone with its stack ({policy})", f"set it to {ways[0]}")


def previews_leave_nothing(stacks: Stacks) -> Iterator[Broken]:
    """A stage that is swept leaves nothing that costs, or that holds its name."""
    if not stacks.settings.ephemeral:
        return
    for kind in KEPT:
        for each in stacks.of(kind):
            if each.body.get("DeletionPolicy", "Delete") != "Delete":
                yield each.broken("stays when its preview goes", "set its DeletionPolicy to Delete")


def buckets_are_private(stacks: Stacks) -> Iterator[Broken]:
    """No object can be made public, by whomever."""
    for bucket in stacks.of("S3::Bucket"):
        blocked = bucket.get("PublicAccessBlockConfiguration", default={})
        if not all(blocked.get(each) is True for each in CLOSED):
            yield bucket.broken("can be opened to everybody", "block all four ways of public access")


def buckets_are_encrypted(stacks: Stacks) -> Iterator[Broken]:
    """The template says how objects are encrypted."""
    for bucket in stacks.of("S3::Bucket"):
        if not bucket.get("BucketEncryption", "ServerSideEncryptionConfiguration"):
            yield bucket.broken("leaves encryption unsaid", "set BucketEncryption")


def buckets_speak_tls(stacks: Stacks) -> Iterator[Broken]:
    """Nobody speaks to a bucket without TLS, and no stranger is allowed anything."""
    closed = set()
    for policy in stacks.of("S3::BucketPolicy"):
        bucket = stacks.target(policy.stack, policy.get("Bucket"))
        if bucket and refuses_plain(policy):
            closed.add((bucket.stack, bucket.id))
        if _opens(policy):
            yield policy.broken("allows everybody something", "name who may")
    for bucket in stacks.of("S3::Bucket"):
        if (bucket.stack, bucket.id) not in closed:
            yield bucket.broken("answers without TLS", "deny aws:SecureTransport false")


def _opens(policy: Resource) -> bool:
    for each in policy.get("PolicyDocument", "Statement", default=[]):
        if each["Effect"] == "Allow" and each.get("Principal") in ("*", {"AWS": "*"}):
            return True
    return False


RULES = (
    data_outlives_its_stack,
    previews_leave_nothing,
    buckets_are_private,
    buckets_are_encrypted,
    buckets_speak_tls,
)
