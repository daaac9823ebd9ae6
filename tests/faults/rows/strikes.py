"""Errors that PostgreSQL raises itself, at a statement that was agreed on, in the middle of a transaction."""

from typing import Any

import psycopg

STATES = {
    "57P01": "terminated by an administrator",
    "40001": "could not serialize",
    "40P01": "deadlock",
    "57014": "statement cancelled",
    "53300": "too many connections",
}
TABLES = ("chunks", "dates", "greetings", "cursors", "people")

# A sequence counts on though the transaction is rolled back, so each strike comes once.
_SET_UP = """
create schema strikes;
create sequence strikes.writes;
create table strikes.plan (at int not null, state text not null);
insert into strikes.plan values (-1, '');
create function strikes.strike() returns trigger
    language plpgsql security definer
    as $$
declare
    plan strikes.plan;
begin
    select * into plan from strikes.plan;
    if nextval('strikes.writes') <> plan.at then
        return null;
    end if;
    if plan.state = '57P01' then
        perform pg_terminate_backend(pg_backend_pid());
        -- The server ends the session when it next looks, which sleeping does.
        perform pg_sleep(5);
    end if;
    raise exception 'struck' using errcode = plan.state;
end
$$;
"""


class Strikes:
    """Strikes at one of the next writes to the service's tables."""

    def __init__(self, admin: "psycopg.Connection[Any]") -> None:
        self._admin = admin
        admin.execute(_SET_UP)
        for table in TABLES:
            admin.execute(
                psycopg.sql.SQL(
                    "create trigger strike after insert or update or delete on birthday.{}"
                    " for each statement execute function strikes.strike()"
                ).format(psycopg.sql.Identifier(table))
            )

    def at(self, write: int, state: str) -> None:
        """The how many-th write from now on fails, and with which SQLSTATE."""
        self._admin.execute("alter sequence strikes.writes restart")
        self._admin.execute("update strikes.plan set at = %s, state = %s", (write, state))

    def calm(self) -> None:
        """Strike no more."""
        self.at(-1, "")

    def came(self) -> bool:
        """Whether there were as many writes."""
        row = self._admin.execute(
            "select last_value >= at and is_called from strikes.writes, strikes.plan where at > 0"
        ).fetchone()
        return bool(row and row[0])
