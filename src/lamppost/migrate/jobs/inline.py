"""Jobs on small tables go along with a deploy: a fresh database, a laptop and a test never wait for one."""

import time

from psycopg import sql

from lamppost.migrate import lock
from lamppost.migrate.events import Applied
from lamppost.migrate.files import LOOSE, Migration
from lamppost.migrate.jobs import key, state
from lamppost.migrate.jobs.batch import Manner
from lamppost.migrate.jobs.run import run_here
from lamppost.migrate.jobs.session import Session, locked, number
from lamppost.migrate.ledger import Connection
from lamppost.migrate.run import Run

# A batch or two: less than a second.
SMALL = 10_000
BUSY = """
select exists (select from pg_locks
                where locktype = 'advisory' and granted and classid = %s and objid = %s and objsubid = 2
                  and database = (select oid from pg_database where datname = current_database()))
"""
# What heavy DDL may touch: its service's tables, and in a folder of no service all there are.
TABLES = """
select schema.nspname, class.relname
  from pg_class as class
  join pg_namespace as schema on schema.oid = class.relnamespace
 where class.relkind in ('r', 'p') and not class.relispartition
   and (schema.nspname = %(schema)s
        or %(schema)s is null and schema.nspname !~ '^(pg_|information_schema$)')
   and class.relname not in ('schema_migrations', 'schema_jobs', 'schema_releases')
 order by class.reltuples desc
"""
THERE = "select to_regclass(%s) is not null"


class Inline:
    """Takes along the open jobs whose tables have no more than `rows` rows, counted and not guessed."""

    def __init__(self, rows: int = SMALL) -> None:
        self._rows = rows

    def small(self, connection: Connection, job: Migration) -> bool:
        """Whether a deploy may do `job`. Not while it is paused, or run by somebody. Reads only."""
        row = state.read(connection).get(job.name)
        if row is not None and row.state == "paused":
            return False
        busy = connection.execute(BUSY, (lock.PRODUCT, number(job.name))).fetchone()
        if busy is None or busy[0]:
            return False
        return all(key.at_most(connection, table, self._rows) for table in _tables(connection, job))

    def run(self, run: Run, job: Migration) -> None:
        """Do the job in this session, watching no signals: it is over before one would show anything."""
        began = time.monotonic()
        session = Session(run.connection, run.role, run.tool, run.lookout)
        with locked(run.connection, job.name, wait=0):
            session.own()
            run_here(session, job, manner=Manner(limits=None, batch=self._rows))
        run.report(Applied(job.name, round((time.monotonic() - began) * 1000)))


def _tables(connection: Connection, job: Migration) -> list[sql.Identifier]:
    """The tables that the job may go through; one that is not there yet has no rows."""
    walk = job.job.walk if job.job else None
    if walk is not None:
        table = sql.Identifier(walk.schema, walk.table)
        row = connection.execute(THERE, (table.as_string(connection),)).fetchone()
        return [table] if row and row[0] else []
    schema = None if job.service == LOOSE else job.service
    found = connection.execute(TABLES, {"schema": schema}).fetchall()
    return [sql.Identifier(*name) for name in found]
