"""Greetings whose attempts are over: on their way to the dead letters, and back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection

from services.birthday.messages import Greeting


class Letter(Greeting, frozen=True):
    """A greeting whose attempts are over; `letter` is its place in the outbox."""

    letter: int
    reason: str


_LETTERS = """
select g.id::text, g.person_id::text, p.first_name, p.last_name, g.due_at, g.attempts, g.kind, g.year, d.day,
       l.id, l.reason
  from birthday.letters l
  join birthday.greetings g on g.id = l.greeting_id
  join birthday.people p on p.id = g.person_id
  join birthday.dates d on d.person_id = g.person_id and d.kind = g.kind
 order by l.id
 limit 100
   for update of l skip locked
"""


def letters(db: Connection[Any]) -> list[Letter]:
    """Up to a hundred letters that the dead-letter queue does not have yet, held until the commit."""
    return [Letter(*row) for row in db.execute(_LETTERS)]


def drop(db: Connection[Any], sent: Sequence[int]) -> None:
    """Forget letters that were sent."""
    db.execute("delete from birthday.letters where id = any(%s)", (list(sent),))


_REVIVE = """
with revived as (
    update birthday.greetings
       set status = 'waiting', attempts = 0, settled_at = null, lateness = null
     where id = %s and status = 'dead'
 returning id
)
insert into birthday.retries (greeting_id, try_at)
select id, lamppost.now()
  from revived
"""


def revive(db: Connection[Any], greeting: UUID) -> bool:
    """Give a dead greeting its attempts back, due now. False, and nothing changed, when it is not dead."""
    return db.execute(_REVIVE, (greeting,)).rowcount == 1
