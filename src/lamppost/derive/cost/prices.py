"""Prices as data: `prices.toml` beside this file, each with its source and date."""

from functools import cache
from pathlib import Path

import msgspec

from lamppost.errors import OperatorError

FILE = Path(__file__).parent / "prices.toml"


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars for `per` units. `free` names the monthly allowance that the unit draws from."""

    usd: float
    unit: str
    source: str
    date: str
    per: float = 1
    free: str | None = None

    def of(self, quantity: float) -> float:
        """What so many units cost, in dollars."""
        return quantity / self.per * self.usd


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All prices, the regions they hold in, and what every account is given each month for ever."""

    regions: tuple[str, ...]
    hours_per_month: float
    free: dict[str, float]
    prices: dict[str, Price]

    def __getitem__(self, name: str) -> Price:
        """The price called `name`. Raises `OperatorError` where there is none: nothing is guessed."""
        if name not in self.prices:
            raise OperatorError(
                f"there is no price {name!r}",
                fix=f"add it to {FILE.name} in lamppost/derive/cost, with its source and date",
                code="price_missing",
            )
        return self.prices[name]


@cache
def usual() -> Prices:
    """The prices that come with the platform."""
    return msgspec.toml.decode(FILE.read_bytes(), type=Prices)
