"""How much is due and not delivered."""

from typing import Any

from psycopg import Connection

# A date moves on when its greeting is recorded; a greeting that failed then waits in one of two places.
_UNDELIVERED = """
select (select count(*)
          from birthday.kinds k
          join birthday.dates d on d.kind = k.name
         where d.due_at <= lamppost.now())
     + (select count(*) from birthday.retries)
     + (select coalesce(sum(cardinality(members)), 0) from birthday.chunks where kind is null)
"""


def undelivered(db: Connection[Any]) -> int:
    """Greetings that are due and neither delivered nor dead, wherever they are."""
    row = db.execute(_UNDELIVERED).fetchone()
    assert row is not None, "a count returns its row"
    return int(row[0])
