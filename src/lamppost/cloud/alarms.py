"""Alarms: what `derive/alarms` reads off the declarations, as CloudWatch has it."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from lamppost.cloud.site import pascal
from lamppost.derive.measures import API_ID, Alarm, Measure


def ring(stack: cdk.Stack, alarm: Alarm, topic: str, *, api: str = "") -> cloudwatch.CfnAlarm:
    """The alarm, which tells `topic` when it rings and when all is well again. `api` is its API's id."""
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
        dimensions=_dimensions(measure, api) if single else None,
        period=alarm.period if single else None,
        statistic=measure.statistic if single and not percentile else None,
        extended_statistic=measure.statistic if single and percentile else None,
        metrics=None if single else _share(alarm, api),
    )


def of_api(alarm: Alarm) -> bool:
    """Whether it watches an API, whose id only the API's own stack knows."""
    return any(value == API_ID for _, value in alarm.measure.dimensions)


def _share(alarm: Alarm, api: str) -> list[cloudwatch.CfnAlarm.MetricDataQueryProperty]:
    shown = cloudwatch.CfnAlarm.MetricDataQueryProperty(
        id="share", expression=alarm.expression, label=f"{alarm.measure.metric} in percent", return_data=True
    )
    parts = (("part", alarm.measure), ("whole", alarm.whole or alarm.measure))
    return [shown, *(_query(id, measure, alarm.period, api) for id, measure in parts)]


def _query(id: str, measure: Measure, period: int, api: str) -> cloudwatch.CfnAlarm.MetricDataQueryProperty:
    return cloudwatch.CfnAlarm.MetricDataQueryProperty(
        id=id,
        return_data=False,
        metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
            stat=measure.statistic,
            period=period,
            metric=cloudwatch.CfnAlarm.MetricProperty(
                namespace=measure.namespace,
                metric_name=measure.metric,
                dimensions=_dimensions(measure, api),
            ),
        ),
    )


def _dimensions(measure: Measure, api: str) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
    return [
        cloudwatch.CfnAlarm.DimensionProperty(name=name, value=api if value == API_ID else value)
        for name, value in measure.dimensions
    ]
