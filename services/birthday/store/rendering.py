"""What a chunk sends, from the rows of the moment."""

from typing import Any

from psycopg import Connection

from services.birthday.calendar import LeapDay
from services.birthday.messages import Greeting
from services.birthday.store.chunks import Chunk


class First(Greeting, frozen=True, gc=False):
    """A greeting that was not tried before, with what its person's next one depends on."""

    edition: int
    timezone: str
    leap_day: LeapDay


_FIRST = """
select birthday.event_id(d.person_id, d.kind, d.year)::text, d.person_id::text, p.first_name, p.last_name,
       d.due_at, 0, d.kind, d.year, d.day, d.edition, p.timezone, d.leap_day
  from birthday.chunks c
 cross join unnest(c.members) as member (person_id)
  join birthday.dates d on d.person_id = member.person_id and d.kind = c.kind
  join birthday.people p on p.id = d.person_id
 where c.id = %s and pg_visible_in_snapshot(d.xid, c.seen)
 order by d.due_at
"""


def first(db: Connection[Any], chunk: Chunk) -> list[First]:
    """The greetings of a chunk of dates, oldest first.

    Whoever was deleted is missing, and whose occurrence moved since it was claimed: that one is claimed anew.
    """
    return [First(*row) for row in db.execute(_FIRST, (chunk.id,))]


_AGAIN = """
select g.id::text, g.person_id::text, p.first_name, p.last_name, g.due_at, g.attempts, g.kind, g.year, d.day
  from birthday.chunks c
 cross join unnest(c.members) as member (id)
  join birthday.greetings g on g.id = member.id
  join birthday.people p on p.id = g.person_id
  join birthday.dates d on d.person_id = g.person_id and d.kind = g.kind
 where c.id = %s and g.status = 'waiting'
 order by g.due_at
"""


def again(db: Connection[Any], chunk: Chunk) -> list[Greeting]:
    """The greetings of a chunk of those tried before, oldest first; whoever was deleted is missing."""
    return [Greeting(*row) for row in db.execute(_AGAIN, (chunk.id,))]
