"""Whose credentials these are, asked before anything is changed with them."""

import msgspec

from lamppost.cloud.stages import Stage
from lamppost.errors import OperatorError


class Caller(msgspec.Struct, frozen=True):
    """The account, and the ARN of who asks."""

    account: str
    arn: str


def caller(stage: Stage) -> Caller:
    """Who these credentials are, in the region of `stage`.

    Raises `OperatorError` without credentials, for expired ones, and for another account than the stage's.
    """
    import boto3.session
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        found = boto3.session.Session().client("sts", region_name=stage.settings.region).get_caller_identity()
    except (BotoCoreError, ClientError) as refused:
        raise OperatorError(
            f"there are no credentials for AWS that work: {refused}",
            fix="log in (aws sso login, or aws configure) and name the profile in AWS_PROFILE",
            code="credentials_missing",
        ) from refused
    wanted = stage.settings.account
    if wanted is not None and found["Account"] != wanted:
        raise OperatorError(
            f"the credentials are those of account {found['Account']}, and {stage.env} belongs in {wanted}",
            fix="choose another profile with AWS_PROFILE",
            code="account_of_another_stage",
        )
    return Caller(found["Account"], found["Arn"])
