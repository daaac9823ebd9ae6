"""`lamppost cost`: what a stage costs in a month, with the arithmetic."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter

from lamppost.cli.output import show
from lamppost.cli.running import Json
from lamppost.cli.templates import Stage, Templates, stacks_of

if TYPE_CHECKING:
    from lamppost.derive.cost.estimate import Estimate, Row
    from lamppost.derive.cost.traffic import Traffic

NOT_IN_IT = (
    "data between zones and through interface endpoints, CPU credits of t-class instances, support, taxes,"
    " what a new account is given for its first months"
)


def cost(
    *,
    stage: Stage = "dev",
    traffic: Annotated[
        Path | None, Parameter(help="A TOML file with the month's figures; docs/guides/costs.md lists them.")
    ] = None,
    templates: Templates = None,
    json: Json = False,
) -> None:
    """Say what a stage costs in a month: each price, each resource, and the arithmetic.

    It is read off the templates, a stated traffic, and prices whose source and date stand beside them. GROSS
    is before what AWS gives every account for ever, NET after it. A billable resource without a price fails.
    Nothing is asked of AWS.
    """
    from lamppost.derive.cost.estimate import estimate
    from lamppost.derive.cost.prices import usual
    from lamppost.derive.cost.traffic import Traffic, read

    month = read(traffic) if traffic else Traffic()
    stacks = stacks_of(stage, templates)
    made = estimate({stack.name: stack.template for stack in stacks}, month)
    region = stacks[0].region
    foreign = region not in usual().regions
    told = {
        "stage": stage,
        "region": region,
        "prices_of": list(usual().regions),
        "traffic": msgspec.to_builtins(month),
        "not_in_it": NOT_IN_IT,
        **msgspec.to_builtins(made),
    }
    show(told, lambda: "\n".join(_words(told, made, month, str(traffic or ""), foreign)), as_json=json)


def _words(
    told: dict[str, Any], made: "Estimate", month: "Traffic", file: str, foreign: bool
) -> Iterator[str]:
    yield f"{told['stage']} in {told['region']}, US dollars a month"
    yield f"{made.gross:9.2f}  gross, of which {made.stands:.2f} are paid when nobody comes"
    yield f"{made.net:9.2f}  net of what AWS gives every account for ever"
    if foreign:
        yield f"The prices are those of {' and '.join(told['prices_of'])}; {told['region']} may ask for more."
    yield ""
    yield f"{'GROSS':>9}{'NET':>10}  PRICE, AND WHO USES IT"
    for row in made.rows:
        yield from _row(row)
    yield ""
    yield "The traffic" + (f", from {file}:" if file else ", as usual (--traffic FILE changes it):")
    yield from _traffic(month)
    yield ""
    yield "Where the prices were read, and from when they are:"
    yield from _sources(made.rows)
    yield ""
    yield f"Not in it: {NOT_IN_IT}."


def _row(row: "Row") -> Iterator[str]:
    from lamppost.derive.cost.use import figure

    price = row.price
    per = f" for {figure(price.per)}" if price.per != 1 else ""
    given = f", {figure(row.given)} of them free" if row.given else ""
    rate = f"{price.usd:.10f}".rstrip("0").rstrip(".")
    bought = f"{figure(row.quantity)} {price.unit} at ${rate}{per}{given}"
    yield f"{row.gross:9.2f}{row.net:10.2f}  {row.name}: {bought}"
    for use in row.uses:
        yield f"{'':21}  {figure(use.quantity)}  {use.of}: {use.how}"


def _traffic(month: "Traffic") -> Iterator[str]:
    from lamppost.derive.cost.use import figure

    figures = msgspec.structs.asdict(month)
    named = figures.pop("named")
    yield "  " + ", ".join(f"{name} = {figure(value)}" for name, value in figures.items())
    for name, own in named.items():
        said = {key: value for key, value in msgspec.structs.asdict(own).items() if value is not None}
        yield f"  {name}: " + ", ".join(f"{key} = {figure(value)}" for key, value in said.items())


def _sources(rows: "tuple[Row, ...]") -> Iterator[str]:
    by_source: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        by_source.setdefault((row.price.source, row.price.date), []).append(row.name)
    for (source, date), names in by_source.items():
        yield f"  {date}  {source}"
        yield f"  {'':{len(date)}}  for {', '.join(names)}"
