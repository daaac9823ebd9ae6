"""What stands on a dashboard: graphs, alarms and logs, in rows as wide as the page.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from lamppost.derive.measures import FIVE_MINUTES, Alarm, Measure

WIDTH = 24
GRAPH_HEIGHT = 6
LOG_HEIGHT = 7
# So many alarms stand side by side.
_ALARMS_ABREAST = 6

Line = list[Any]


class Panel(msgspec.Struct, frozen=True):
    """One widget: CloudWatch's word for its kind, what it shows, how high it is."""

    kind: str
    properties: dict[str, Any]
    height: int = GRAPH_HEIGHT


def line(measure: Measure, label: str, **more: object) -> Line:
    """A metric as a line of a graph; `more` is CloudWatch's: an id, or that it is not shown."""
    place = [part for dimension in measure.dimensions for part in dimension]
    return [measure.namespace, measure.metric, *place, {"stat": measure.statistic, "label": label, **more}]


def formula(expression: str, label: str, id: str) -> Line:
    """A line computed from others."""
    return [{"expression": expression, "label": label, "id": id}]


def graph(
    title: str,
    lines: Sequence[Line],
    *,
    region: str,
    period: int = FIVE_MINUTES,
    limits: Iterable[Alarm] = (),
) -> Panel:
    """Lines from zero up, over five minutes unless told, with the limits at which alarms ring."""
    marks = [{"label": alarm.name, "value": alarm.threshold} for alarm in limits]
    return Panel(
        "metric",
        {
            "title": title,
            "view": "timeSeries",
            "region": region,
            "period": period,
            "metrics": list(lines),
            "yAxis": {"left": {"min": 0}},
            **({"annotations": {"horizontal": marks}} if marks else {}),
        },
    )


def standing(title: str, arns: Sequence[str]) -> Panel:
    """Whether these alarms ring."""
    rows = -(-len(arns) // _ALARMS_ABREAST)
    return Panel("alarm", {"title": title, "alarms": list(arns)}, height=1 + rows)


def lines_of(title: str, query: str, groups: Sequence[str], *, region: str) -> Panel:
    """What a query finds in these log groups."""
    sources = " | ".join(f"SOURCE '{group}'" for group in groups)
    return Panel(
        "log",
        {"title": title, "view": "table", "region": region, "query": f"{sources} | {query}"},
        height=LOG_HEIGHT,
    )


def page(rows: Iterable[Sequence[Panel]]) -> dict[str, Any]:
    """The dashboard's body: each row fills the width, and is as high as its highest panel."""
    widgets: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        if not row:
            continue
        width = WIDTH // len(row)
        height = max(panel.height for panel in row)
        for column, panel in enumerate(row):
            widgets.append(
                {
                    "type": panel.kind,
                    "x": column * width,
                    "y": top,
                    "width": width if column < len(row) - 1 else WIDTH - column * width,
                    "height": height,
                    "properties": panel.properties,
                }
            )
        top += height
    return {"start": "-PT12H", "periodOverride": "inherit", "widgets": widgets}
