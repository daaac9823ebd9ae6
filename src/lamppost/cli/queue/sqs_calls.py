"""Asking SQS, and saying its refusals as ours."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lamppost.errors import OperatorError


def connect() -> Any:
    """SQS as the environment says. Raises `OperatorError` when boto3 or a region is missing."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError as missing:
        raise OperatorError("boto3 is not installed", fix="pip install 'lamppost[local]'") from missing
    with speaking():
        # boto3 itself looks at AWS_DEFAULT_REGION and the profile only.
        region = os.environ.get("AWS_REGION") or None
        return boto3.client(
            "sqs", region_name=region, config=Config(retries={"mode": "standard", "max_attempts": 4})
        )


@contextmanager
def speaking() -> Iterator[None]:
    """What boto3 raises, said as ours."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as refusal:
        error = refusal.response.get("Error", {})
        code = str(error.get("Code", ""))
        if "NonExistentQueue" in code or "QueueDoesNotExist" in code:
            raise OperatorError(
                "there is no such queue on SQS",
                fix="aws sqs list-queues names those that are; stages have names of their own",
                code="queue_missing",
            ) from refusal
        raise OperatorError(
            f"SQS refused: {code}: {error.get('Message', '')}",
            fix="check the credentials and the queue's name",
            code="aws_refused",
        ) from refusal
    except BotoCoreError as trouble:
        raise OperatorError(
            f"SQS cannot be asked: {trouble}",
            fix="set AWS_REGION and credentials, or AWS_ENDPOINT_URL for a local one",
            code="aws_unreachable",
        ) from trouble


def listed(sqs: Any) -> list[dict[str, Any]]:
    """Every queue of the account and region, with its approximate counts."""
    with speaking():
        pages = sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1000})
        urls = sorted(url for page in pages for url in page.get("QueueUrls", []))
        found = [(url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])) for url in urls]
    return [
        {
            "name": url.rpartition("/")[2],
            "visible": int(answer["Attributes"]["ApproximateNumberOfMessages"]),
            "in_flight": int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"]),
            "delayed": int(answer["Attributes"]["ApproximateNumberOfMessagesDelayed"]),
        }
        for url, answer in found
    ]


def sources(sqs: Any, url: str) -> list[str] | None:
    """The queues whose dead letters come to this one, sorted; None where one may not or cannot ask."""
    from botocore.exceptions import ClientError

    with speaking():
        try:
            pages = sqs.get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=url)
            return sorted(found.rpartition("/")[2] for page in pages for found in page.get("queueUrls", []))
        except ClientError as refusal:
            # Not every role may ask, and not every server knows; each letter names its own origin.
            if refusal.response["Error"]["Code"] in (
                "InvalidAction",
                "AccessDenied",
                "AccessDeniedException",
            ):
                return None
            raise
