"""`lamppost metrics`: what is measured."""

from typing import Annotated, Any

from cyclopts import Parameter

from lamppost.cli.output import show, table
from lamppost.cli.periods import Period, read_period
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask


def metrics(
    find: Annotated[str, Parameter(help="Only those whose name, namespace or dimensions hold this.")] = "",
    *,
    since: Annotated[Period, Parameter(help="How far back: 10m, 1h. Three hours are kept.")] = "1h",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Show what functions and queues were measured at, and what functions measured themselves.

    The values are those of the whole time; `aws cloudwatch get-metric-statistics` has them by the minute.
    """
    found = ask(data, "metrics", find=find, seconds=int(read_period(since).total_seconds()))
    show(found, lambda: _words(found), as_json=json)


def _words(found: list[dict[str, Any]]) -> str:
    rows = [
        (
            f"{row['namespace']} {row['metric']}",
            " ".join(f"{name}={value}" for name, value in row["dimensions"].items()),
            "" if row["unit"] in ("None", "Count") else row["unit"],
            row["samples"],
            *(f"{row[name]:.6g}" for name in ("sum", "least", "p50", "p95", "p99", "most")),
        )
        for row in found
    ]
    return table(rows, ("METRIC", "OF", "UNIT", "SAMPLES", "SUM", "LEAST", "P50", "P95", "P99", "MOST"))
