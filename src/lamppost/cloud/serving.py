"""What callers are led to: a function as it is, or the published version that an alias names."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambdas

from lamppost.cloud.tuned import Tuned

ALIAS = "live"


def serving(function: lambdas.Function, settings: Tuned, *, layers: Sequence[str]) -> lambdas.IFunction:
    """The function, or its alias `live`: only a published version can be kept ready or begin as a copy.

    `layers` are digests. The template names layers by reference, so that a new one leaves it as it is, and
    without them the alias would go on serving with the old.
    """
    if not settings.versioned:
        return function
    cdk.Annotations.of(function).acknowledge_warning(
        "@aws-cdk/aws-lambda:snapStartRequirePublish", "the version is published below"
    )
    function.invalidate_version_based_on(" ".join(layers))
    return lambdas.Alias(
        function,
        "Live",
        alias_name=ALIAS,
        version=function.current_version,
        provisioned_concurrent_executions=settings.provisioned or None,
    )


def parts(serves: lambdas.IFunction) -> tuple[str, tuple[str, ...]]:
    """The function's own name, and the qualifiers under which it may be called."""
    if isinstance(serves, lambdas.Alias):
        return serves.lambda_.function_name, ("$LATEST", ALIAS)
    return serves.function_name, ("$LATEST",)
