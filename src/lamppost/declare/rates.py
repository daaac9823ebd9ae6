"""How often one caller may call: classes of routes, each with a bucket of tokens for each caller."""

from datetime import timedelta

import msgspec

from lamppost.declare import limits
from lamppost.declare.durations import days, minutes
from lamppost.errors import AuthorError

OFF = "off"


class Rate(msgspec.Struct, frozen=True):
    """A class of routes: each caller gets `count` calls `per` period, `burst` of them at once.

    A caller is the token's subject, else the address a request comes from. Calls come back one by one, at an
    even pace. `callers` is how many the stage is to carry at the full rate: it makes API Gateway's throttle,
    which counts all callers together and stands in front of the functions.
    """

    name: str
    count: int
    per: timedelta = minutes(1)
    burst: int | None = None
    callers: int = 1_000

    def __post_init__(self) -> None:
        what = f"rate {self.name!r}"
        if not self.name.replace("-", "").isalnum() or self.name == OFF:
            raise AuthorError(
                f"{what}: a class has a name of letters, digits and -, and is not {OFF!r}",
                fix="rename it",
            )
        if self.count < 1 or (self.burst is not None and self.burst < 1) or self.callers < 1:
            raise AuthorError(
                f"{what} lets nobody through", fix="make count=, burst= and callers= at least 1"
            )
        if not timedelta(0) < self.per <= days(1):
            raise AuthorError(f"{what} counts over {self.per}", fix="count over a day at most")
        if self.per / self.count < timedelta(microseconds=100):
            raise AuthorError(
                f"{what} gives a call back every {self.per / self.count}: faster than anyone could count",
                fix="lower count=, or leave the route without a rate",
            )

    @property
    def most(self) -> int:
        """How many calls the bucket holds."""
        return self.count if self.burst is None else self.burst

    @property
    def stage_rate(self) -> float:
        """API Gateway's throttle, in requests a second of all callers together."""
        return min(self.callers * self.count / self.per.total_seconds(), limits.HTTP_THROTTLE_RATE)

    @property
    def stage_burst(self) -> int:
        """How many requests of all callers API Gateway lets through at once."""
        return min(self.callers * self.most, limits.HTTP_THROTTLE_BURST)


# What BarkBase documents. A service's own classes of the same names replace them.
USUAL = (Rate("auth", 5), Rate("api", 100), Rate("bulk", 10), Rate("webhook", 50))
