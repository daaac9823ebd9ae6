"""A metric, and a limit on it: what CloudWatch, `lamppost alarms` and dashboards are told alike.

AWS's metrics: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html,
https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html,
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
"""

from typing import Literal

import msgspec

Missing = Literal["notBreaching", "breaching", "missing"]

LAMBDA, SQS, RDS, API = "AWS/Lambda", "AWS/SQS", "AWS/RDS", "AWS/ApiGateway"
SCHEDULER = "AWS/Scheduler"
ON_AWS_ONLY = frozenset({RDS, API, SCHEDULER})
VISIBLE, OLDEST = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
# The id of an API is AWS's own: the stacks fill it in.
API_ID = "{ApiId}"

FIVE_MINUTES = 300


class Measure(msgspec.Struct, frozen=True):
    """One metric and what of it is looked at: `Sum`, `Maximum`, `p99`."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A limit: it is over (or, with `below`, under) `threshold` in `breaches` of the last `periods` periods.

    What is compared is `measure`, or with `whole` its share of that in percent. `period` is seconds, `name`
    the alarm's physical name and `key` its name in every stage, `service` whose it is ("" for the
    database's). `missing` says what a period without a value counts for.
    """

    name: str
    key: str = ""
    about: str
    service: str
    measure: Measure
    threshold: float
    period: int = FIVE_MINUTES
    whole: Measure | None = None
    below: bool = False
    periods: int = 1
    breaches: int = 1
    missing: Missing = "notBreaching"

    @property
    def comparison(self) -> str:
        """CloudWatch's word for how the value compares to the threshold."""
        return "LessThanThreshold" if self.below else "GreaterThanThreshold"

    @property
    def expression(self) -> str | None:
        """CloudWatch's metric math where two metrics are compared, `part` and `whole` being their ids."""
        return "IF(whole > 0, 100 * part / whole, 0)" if self.whole is not None else None

    @property
    def on_aws_only(self) -> bool:
        """Whether there is nothing on one machine that measures this."""
        return self.measure.namespace in ON_AWS_ONLY
