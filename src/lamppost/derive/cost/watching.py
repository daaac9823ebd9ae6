"""What alarms, metrics and dashboards cost."""

import json
from collections.abc import Iterator
from typing import Any

from lamppost.derive.cost.scene import Scene, standing
from lamppost.derive.cost.template import Resource
from lamppost.derive.cost.use import Use, figure


def alarm(each: Resource, _scene: Scene) -> Iterator[Use]:
    """An alarm, by each metric it looks at."""
    count = len(_looked_at(each)) or 1
    yield from standing("cloudwatch.alarm", count, each, f"{count} metric{'s' if count > 1 else ''}")


def metrics(scene: Scene) -> Iterator[Use]:
    """Metrics of our own, as far as alarms name them: each once, however many look at it."""
    named: dict[str, Resource] = {}
    for each in scene.templates.of("AWS::CloudWatch::Alarm"):
        for metric in _looked_at(each):
            if not str(metric.get("Namespace", "AWS/")).startswith("AWS/"):
                named.setdefault(json.dumps(metric, sort_keys=True), each)
    for key, each in named.items():
        metric = json.loads(key)
        yield from standing("cloudwatch.metric", 1, each, f"{metric['Namespace']} {metric['MetricName']}")


def _looked_at(each: Resource) -> list[dict[str, Any]]:
    """The metrics of an alarm, without how they are added up."""
    stated = [each.properties] if each.get("MetricName") else []
    stated += [
        query["MetricStat"]["Metric"] for query in each.get("Metrics") or () if query.get("MetricStat")
    ]
    return [
        {name: one[name] for name in ("Namespace", "MetricName", "Dimensions") if one.get(name)}
        for one in stated
    ]


def dashboard(each: Resource, _scene: Scene) -> Iterator[Use]:
    """A dashboard."""
    return standing("cloudwatch.dashboard", 1, each, f"{figure(1)} dashboard")
