"""The bill: every use of every resource, by price, before and after what AWS gives for ever."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from lamppost.derive.cost import watching
from lamppost.derive.cost.kinds import BILLED, free
from lamppost.derive.cost.prices import Price, Prices
from lamppost.derive.cost.prices import usual as usual_prices
from lamppost.derive.cost.scene import Scene, scene
from lamppost.derive.cost.template import Body
from lamppost.derive.cost.traffic import Traffic
from lamppost.derive.cost.use import Use
from lamppost.errors import OperatorError


class Row(msgspec.Struct, frozen=True):
    """All uses of one price. `gross` and `net` are dollars a month; `given` units are free for ever.

    `stands` is the part of `gross` that is paid when nobody comes.
    """

    name: str
    price: Price
    quantity: float
    given: float
    gross: float
    net: float
    stands: float
    uses: tuple[Use, ...]


class Estimate(msgspec.Struct, frozen=True):
    """A month in dollars: `gross`, `net` of what is free for ever, and what `stands` without any traffic."""

    gross: float
    net: float
    stands: float
    rows: tuple[Row, ...]


def estimate(
    stacks: Mapping[str, Body], traffic: Traffic | None = None, prices: Prices | None = None
) -> Estimate:
    """What the stage of these templates (by their stacks' names on AWS) costs in a month of this traffic.

    The allowances of an account are taken off once: two stages in one account share them.
    Raises `OperatorError` for a billable resource without a price.
    """
    prices = prices or usual_prices()
    set_up = scene(stacks, traffic or Traffic(), prices)
    rows = tuple(_rows(list(_uses(set_up)), prices))
    return Estimate(
        sum(row.gross for row in rows), sum(row.net for row in rows), sum(row.stands for row in rows), rows
    )


def _uses(set_up: Scene) -> Iterator[Use]:
    unknown = {
        each.type
        for each in set_up.templates.resources
        if each.type not in BILLED and free(each.type) is None
    }
    if unknown:
        raise OperatorError(
            f"nobody has said what {', '.join(sorted(unknown))} costs",
            fix="in lamppost/derive/cost, add it to BILLED or FREE in kinds.py, and its price to prices.toml",
            code="price_missing",
        )
    for each in set_up.templates.resources:
        if each.type in BILLED:
            yield from BILLED[each.type](each, set_up)
    yield from watching.metrics(set_up)


def _rows(uses: list[Use], prices: Prices) -> Iterator[Row]:
    by_price: dict[str, list[Use]] = {}
    for use in uses:
        by_price.setdefault(use.price, []).append(use)
    shares = dict(_shares(by_price, prices))
    made = [_row(name, each, prices[name], shares.get(name, 0)) for name, each in by_price.items()]
    yield from sorted(made, key=lambda row: (-row.gross, row.name))


def _shares(by_price: Mapping[str, list[Use]], prices: Prices) -> Iterator[tuple[str, float]]:
    """How many units of each price are free. Prices that draw from one allowance share it by their use."""
    drawn: dict[str, float] = {}
    for name, uses in by_price.items():
        if (pool := prices[name].free) is not None:
            drawn[pool] = drawn.get(pool, 0) + _sum(uses)
    for name, uses in by_price.items():
        if (pool := prices[name].free) is not None and drawn[pool]:
            quantity = _sum(uses)
            yield name, min(quantity, prices.free[pool] * quantity / drawn[pool])


def _row(name: str, uses: list[Use], price: Price, given: float) -> Row:
    quantity = _sum(uses)
    return Row(
        name,
        price,
        quantity,
        given,
        price.of(quantity),
        price.of(quantity - given),
        price.of(_sum(use for use in uses if use.stands)),
        tuple(uses),
    )


def _sum(uses: Iterable[Use]) -> float:
    return sum(use.quantity for use in uses)
