"""Long lists of plain words as one parameter."""

from collections.abc import Iterable


def listed(words: Iterable[str]) -> str:
    """`words` as PostgreSQL writes an array, for a parameter that the statement casts (`%(ids)s::uuid[]`).

    Ten times faster than a list, whose items psycopg looks at one by one. Only for what never needs quotes:
    UUIDs, numbers, names of states.
    """
    return "{" + ",".join(words) + "}"
