"""One use of one price by one resource, and the arithmetic that led to it."""

import msgspec


class Use(msgspec.Struct, frozen=True):
    """`quantity` units of the price called `price`, by the resource `of` in `stack`.

    `how` is the arithmetic in words. What `stands` is paid even when nobody comes.
    """

    price: str
    quantity: float
    of: str
    stack: str
    how: str
    stands: bool = False


def figure(value: float) -> str:
    """A number for people: no noise behind the point, thousands set apart."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:,.4g}"
