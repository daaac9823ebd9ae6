"""How many rows the next batch takes, so that each lasts about as long as it should.

A batch holds its rows' locks until it commits: a second of that is a second somebody may wait.
"""

FIRST = 1_000
SMALLEST = 1
LARGEST = 100_000
# Too short to tell anything but noise: one round trip.
MEASURABLE = 0.001


def following(size: int, took: float, target: float) -> int:
    """Rows of the next batch, when `size` rows took so many seconds and `target` seconds are wanted.

    Never more than twice as many and never less than a quarter: one slow moment is not the rule.
    """
    wanted = size * target / max(took, MEASURABLE)
    return bounded(round(min(max(wanted, size / 4), size * 2)))


def halved(size: int) -> int:
    """Rows of the next try, when a batch did not get through."""
    return bounded(size // 2)


def bounded(size: int) -> int:
    """`size` within what is sensible."""
    return min(max(size, SMALLEST), LARGEST)
