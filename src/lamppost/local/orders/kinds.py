"""The shape of an order: JSON in, anything msgspec can write out. Refusals are `LamppostError`s."""

from collections.abc import Awaitable, Callable
from typing import Any

Arguments = dict[str, Any]
Order = Callable[[Arguments], Awaitable[Any]]
