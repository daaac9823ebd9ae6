"""How much is due and not delivered."""

from typing import Any

from psycopg import Connection

# By the minute too: counting the dates themselves would read a million of them at a nine o'clock.
_UNDELIVERED = """
select (select coalesce(sum(cardinality(members)), 0) from birthday.chunks)
     + (select count(*) from birthday.retries)
     + (select coalesce(sum((
                  select count(*)
                    from birthday.dates d
                   where d.kind = k.name and d.due_at <= lamppost.now()
                     and d.due_at > coalesce(c.claimed_to, '-infinity')
               )), 0)
          from birthday.kinds k
          left join birthday.cursors c on c.kind = k.name)
"""


def undelivered(db: Connection[Any]) -> int:
    """Greetings due and neither delivered nor dead: on their way, to be tried again, or not claimed yet.

    Whoever was deleted while their chunk is on its way still counts.
    """
    row = db.execute(_UNDELIVERED).fetchone()
    assert row is not None, "a count returns its row"
    return int(row[0])
