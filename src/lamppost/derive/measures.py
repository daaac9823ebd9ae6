"""A metric, and a limit on it: what CloudWatch, `lamppost alarms` and dashboards are told alike.

AWS's metrics: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html,
https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html,
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html,
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
"""

from typing import Literal

import msgspec

Missing = Literal["notBreaching", "breaching", "missing"]

LAMBDA, SQS, RDS, API = "AWS/Lambda", "AWS/SQS", "AWS/RDS", "AWS/ApiGateway"
SCHEDULER, STATES, EC2, NAT = "AWS/Scheduler", "AWS/States", "AWS/EC2", "AWS/NATGateway"
ON_AWS_ONLY = frozenset({RDS, API, SCHEDULER, STATES, EC2, NAT})
VISIBLE, OLDEST = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
# These are AWS's own to give: the stacks fill them in.
API_ID, JOBS_ARN, WAY_OUT = "{ApiId}", "{JobsArn}", "{WayOut}"

FIVE_MINUTES = 300


class Measure(msgspec.Struct, frozen=True):
    """One metric and what of it is looked at: `Sum`, `Maximum`, `p99`."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str

    def at(self, unknown: str, value: str) -> "Measure":
        """The measure with `value` for what was not known beforehand."""
        place = tuple((name, value if each == unknown else each) for name, each in self.dimensions)
        return msgspec.structs.replace(self, dimensions=place)


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

    def waits_for(self, unknown: str) -> bool:
        """Whether what it watches has a name that only AWS knows: API_ID, JOBS_ARN, WAY_OUT."""
        return any(value == unknown for _, value in self.measure.dimensions)

    def at(self, unknown: str, value: str) -> "Alarm":
        """The alarm with `value` for what was not known beforehand."""
        return msgspec.structs.replace(self, measure=self.measure.at(unknown, value))

    @property
    def on_aws_only(self) -> bool:
        """Whether there is nothing on one machine that measures this."""
        return self.measure.namespace in ON_AWS_ONLY
