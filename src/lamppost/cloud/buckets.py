"""Buckets: private, encrypted, over TLS only, and emptied by themselves where the declaration says so."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from lamppost.cloud.site import Place, export, pascal
from lamppost.declare import names
from lamppost.derive.manifest import BucketEntry


def bucket(place: Place, entry: BucketEntry) -> s3.Bucket:
    """The bucket; its name is an output."""
    site, stack = place.site, place.stack
    made = s3.Bucket(
        stack,
        f"{pascal(entry.name)}Bucket",
        bucket_name=names.bucket(entry.name, site.env, account=site.account),
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        lifecycle_rules=_lifecycle(entry),
        cors=_cors(entry) or None,
        removal_policy=site.kept,
    )
    export(stack, f"{pascal(entry.name)}BucketName", made.bucket_name)
    return made


def _lifecycle(entry: BucketEntry) -> list[s3.LifecycleRule]:
    rules = [
        s3.LifecycleRule(id="unfinished", abort_incomplete_multipart_upload_after=cdk.Duration.days(1)),
        s3.LifecycleRule(
            id="answers", prefix=entry.answers, expiration=cdk.Duration.days(entry.answers_keep)
        ),
    ]
    if entry.keep is not None:
        rules.append(s3.LifecycleRule(id="kept", expiration=cdk.Duration.days(entry.keep)))
    return rules


def _cors(entry: BucketEntry) -> list[s3.CorsRule]:
    if not entry.cors:
        return []
    methods = s3.HttpMethods
    return [
        s3.CorsRule(
            allowed_origins=list(entry.cors),
            allowed_methods=[methods.PUT, methods.GET, methods.HEAD],
            # Exactly what a permission to upload has to be used with.
            allowed_headers=["content-type", "x-amz-checksum-sha256"],
            max_age=3600,
        ),
        # A page that an API sent here for a large answer has lost its origin on the way.
        s3.CorsRule(allowed_origins=["null"], allowed_methods=[methods.GET, methods.HEAD]),
    ]
