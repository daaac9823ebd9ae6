"""What stands on AWS now: the template of each stack, as it was last deployed, whoever did it."""

from collections.abc import Iterable
from typing import Any

from lamppost.cloud.stages import Stage
from lamppost.errors import OperatorError


def templates(stage: Stage, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The templates of those of these stacks that stand in the stage's region.

    Raises `OperatorError` where one may not be read.
    """
    import boto3.session
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.session.Session().client("cloudformation", region_name=stage.settings.region)
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        try:
            body = client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        except (BotoCoreError, ClientError) as refused:
            if "does not exist" in str(refused):
                continue
            raise OperatorError(
                f"the stack {name} cannot be read: {refused}",
                fix="use credentials that may do cloudformation:GetTemplate",
                code="stack_unreadable",
            ) from refused
        # A template that is no JSON is none of ours: everything in it then differs.
        found[name] = dict(body) if isinstance(body, dict) else {}
    return found
