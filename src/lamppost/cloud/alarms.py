"""Alarms: what `derive/alarms` reads off the declarations, as CloudWatch has it."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from lamppost.cloud.site import pascal
from lamppost.derive.measures import Alarm, Measure


def ring(stack: cdk.Stack, alarm: Alarm, topic: str) -> cloudwatch.CfnAlarm:
    """The alarm, which tells `topic` when it rings and when all is well again."""
    measure = alarm.measure
    percentile = measure.statistic.startswith("p")
    single = alarm.whole is None
    return cloudwatch.CfnAlarm(
        stack,
        f"{pascal(alarm.key.replace('{env}', ''))}Alarm",
        alarm_name=alarm.name,
        alarm_description=alarm.about,
        alarm_actions=[topic],
        ok_actions=[topic],
        comparison_operator=alarm.comparison,
        threshold=alarm.threshold,
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.breaches,
        treat_missing_data=alarm.missing,
        namespace=measure.namespace if single else None,
        metric_name=measure.metric if single else None,
        dimensions=_dimensions(measure) if single else None,
        period=alarm.period if single else None,
        statistic=measure.statistic if single and not percentile else None,
        extended_statistic=measure.statistic if single and percentile else None,
        metrics=None if alarm.whole is None else _share(alarm, alarm.whole),
    )


def _share(alarm: Alarm, whole: Measure) -> list[cloudwatch.CfnAlarm.MetricDataQueryProperty]:
    kind = cloudwatch.CfnAlarm.MetricDataQueryProperty
    label = f"{alarm.measure.metric} in percent"
    return [
        kind(id="share", expression=alarm.expression, label=label, return_data=True),
        kind(id="part", metric_stat=_stat(alarm.measure, alarm.period), return_data=False),
        kind(id="whole", metric_stat=_stat(whole, alarm.period), return_data=False),
    ]


def _stat(measure: Measure, period: int) -> cloudwatch.CfnAlarm.MetricStatProperty:
    return cloudwatch.CfnAlarm.MetricStatProperty(
        stat=measure.statistic,
        period=period,
        metric=cloudwatch.CfnAlarm.MetricProperty(
            namespace=measure.namespace, metric_name=measure.metric, dimensions=_dimensions(measure)
        ),
    )


def _dimensions(measure: Measure) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
    return [
        cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value) for name, value in measure.dimensions
    ]
