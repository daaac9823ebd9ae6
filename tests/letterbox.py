"""A queue `desk` beside those of the services, whose consumer a test plays: one failure, and it is buried."""

import json
from typing import Any

import boto3

from tests.running import House


class Letterbox:
    """`url` and `dead` are the queues' URLs, `sqs` speaks with them."""

    def __init__(self, house: House) -> None:
        self.sqs: Any = boto3.client(
            "sqs",
            endpoint_url=house.running["aws"],
            region_name="us-east-2",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        self.dead = self.sqs.create_queue(QueueName="desk-dlq")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])["Attributes"]
        policy = json.dumps({"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 1})
        self.url = self.sqs.create_queue(QueueName="desk", Attributes={"RedrivePolicy": policy})["QueueUrl"]
