"""Running one job: what must hold before it begins, who may run it, and what is kept of how it ended."""

from collections.abc import Callable
from typing import Literal

import msgspec
import psycopg

from lamppost.errors import AuthorError, LamppostError
from lamppost.migrate import ledger, lock
from lamppost.migrate.blocker import Lookout
from lamppost.migrate.deadline import Deadline
from lamppost.migrate.events import Event
from lamppost.migrate.files import PLATFORM, Bundle, Migration
from lamppost.migrate.jobs import refusals, state
from lamppost.migrate.jobs.batch import Manner
from lamppost.migrate.jobs.events import JobEvent
from lamppost.migrate.jobs.session import Session, connected, holders, locked, number
from lamppost.migrate.jobs.state import Progress
from lamppost.migrate.jobs.walk import Walker
from lamppost.migrate.ledger import Connection
from lamppost.migrate.run import Limits, Run, tool
from lamppost.migrate.states import Entry, classify

Standing = Literal["open", "running", "interrupted", "paused", "failed", "done"]
Report = Callable[[JobEvent | Event], None]

# A runner that was killed lets go within half a second.
LOCK_WAIT = 3.0
LEDGER_WAIT = 60.0
LOOK_EVERY = 0.75
# A week: an index of a large table may take a day, and a statement without any limit is one forgotten.
AS_LONG_AS_IT_TAKES = 7 * 86400.0
LEDGER_STANDS = "select text_sha256, text from public.schema_migrations limit 0"
_STANDING: dict[state.State, Standing] = {"paused": "paused", "failed": "failed"}
WAITS_FOR = frozenset({"pending", "unfinished", "job", "late", "contract_job", "contract_early"})


class JobOutcome(msgspec.Struct, frozen=True):
    """How a run of a job ended. Counts are of the whole job, over all its runs."""

    name: str
    state: Literal["done", "paused", "stopped"]
    rows_done: int = 0
    rows_changed: int = 0
    batches: int = 0
    retries: int = 0


class Job(msgspec.Struct, frozen=True):
    """A job in a database. `progress` is null before its first run, `pid` is the session that runs it now."""

    name: str
    service: str
    table: str | None
    state: Standing
    progress: Progress | None
    pid: int | None


def silent(event: JobEvent | Event) -> None:
    """Report to nobody."""


def never() -> bool:
    """Nobody asks the job to stop."""
    return False


def run_job(
    conninfo: str,
    bundle: Bundle,
    name: str,
    *,
    role: str | None = None,
    report: Report = silent,
    stop: Callable[[], bool] = never,
    resume: bool = False,
    manner: Manner | None = None,
    lock_wait: float = LOCK_WAIT,
    seconds: float | None = None,
) -> JobOutcome:
    """Run the job `name` of `bundle` to its end, as `role`, or until `stop` says so or someone pauses it.

    A walk stops between its batches; a statement of heavy DDL is cancelled after `seconds`.
    Run it as often as you like: a finished job is `done` at once, an interrupted one goes on behind its last
    batch. `resume` takes up a paused one. Raises `AuthorError` for a file or a row that cannot work,
    `OperatorError` for locks, rights, poolers, another runner (`job_running`), a pause (`job_paused`), and a
    server that went away; whole batches stay.
    """
    migration = next((one for one in bundle.migrations if one.name == name and one.job is not None), None)
    if migration is None:
        raise refusals.unknown(name)
    with (
        connected(conninfo) as connection,
        locked(connection, name, wait=lock_wait),
        Lookout(conninfo, connection.info.backend_pid, LOOK_EVERY, report) as lookout,
    ):
        session = Session(connection, role, tool(), lookout)
        try:
            session.own()
            _make_ledger(session)
            entry = _look(connection, bundle, migration)
            if entry.state == "applied":
                return outcome(connection, name, "done")
            return run_here(
                session,
                migration,
                report=report,
                stop=stop,
                resume=resume,
                manner=manner or Manner(),
                seconds=seconds,
            )
        except psycopg.Error as error:
            raise (
                refusals.broken(name, error)
                if connection.closed
                else refusals.failing(migration, None, "", error)
            )


def run_here(
    session: Session,
    migration: Migration,
    *,
    report: Report = silent,
    stop: Callable[[], bool] = never,
    resume: bool = False,
    manner: Manner,
    seconds: float | None = None,
) -> JobOutcome:
    """Run a job in this session, which has its lock. Raises as `run_job` does."""
    connection = session.connection
    state.ensure(connection)
    row = state.begin(connection, migration, resume=resume)
    if row is None:
        raise refusals.not_taken_up(migration, state.find(connection, migration.name))
    try:
        if migration.job is not None and migration.job.walk is not None:
            walker = Walker(
                session, migration, migration.job.walk, row, manner=manner, report=report, stop=stop
            )
            end: Literal["done", "paused", "stopped"] = walker.go()
        else:
            _in_steps(session, migration, report, manner, seconds)
            end = "done"
    except LamppostError as refused:
        _note(session, migration.name, refused)
        raise
    return outcome(connection, migration.name, end)


def outcome(connection: Connection, name: str, end: Literal["done", "paused", "stopped"]) -> JobOutcome:
    """How the job stands, given how its run ended."""
    row = state.read(connection).get(name)
    if row is None:
        return JobOutcome(name, end)
    return JobOutcome(name, end, row.rows_done, row.rows_changed, row.batches, row.retries)


def all_jobs(connection: Connection, bundle: Bundle) -> tuple[Job, ...]:
    """Every job of `bundle` in this database, in order, and how far it is. Reads only."""
    if all(migration.job is None for migration in bundle.migrations):
        return ()
    entries = {entry.name: entry for entry in classify(bundle, ledger.read(connection)).entries}
    rows, running = state.read(connection), holders(connection)
    found = []
    for migration in bundle.migrations:
        if migration.job is not None:
            row, pid = rows.get(migration.name), running.get(number(migration.name))
            walk = migration.job.walk
            table = f"{walk.schema}.{walk.table}" if walk else None
            standing = _standing(entries[migration.name], row, pid)
            found.append(Job(migration.name, migration.service, table, standing, row, pid))
    return tuple(found)


def open_jobs(connection: Connection, bundle: Bundle) -> tuple[Job, ...]:
    """The jobs of `bundle` that this database still needs. Reads only."""
    return tuple(job for job in all_jobs(connection, bundle) if job.state != "done")


def _standing(entry: Entry, row: Progress | None, pid: int | None) -> Standing:
    if entry.state == "applied":
        return "done"
    if pid is not None:
        return "running"
    if row is None:
        return "open"
    # Where the row says otherwise: it runs and nobody runs it, or the ledger forgot that it is done.
    return _STANDING.get(row.state, "interrupted")


def _note(session: Session, name: str, refused: LamppostError) -> None:
    """Keep why the job stopped, where there is still somebody to tell."""
    try:
        session.own()
        state.fail(session.connection, name, refused.what)
    except psycopg.Error:
        # The server has gone, and that is what the refusal says.
        return


def _in_steps(
    session: Session, migration: Migration, report: Report, manner: Manner, seconds: float | None
) -> None:
    """Heavy DDL: as `apply` runs a file without a transaction, with all the time it takes, or `seconds`."""
    limits = Limits(manner.lock_timeout, AS_LONG_AS_IT_TAKES, manner.tries)
    with Deadline(seconds, session.connection.cancel) as clock:
        run = Run(session.connection, session.role, limits, report, session.lookout, deadline=clock)
        run.apply(migration)
    session.own()
    state.finish(session.connection, migration, tool=session.tool)


def _look(connection: Connection, bundle: Bundle, migration: Migration) -> Entry:
    """The file's state in the ledger. Raises where it was edited, or where its turn has not come."""
    entries = classify(bundle, ledger.read(connection)).entries
    entry = next(one for one in entries if one.name == migration.name)
    if entry.state == "edited":
        fix = "bring the file back as it was, and write the change as a new migration"
        raise AuthorError(f"{entry.name}: {entry.about}", fix=fix, code="migration_edited")
    for other in entries:
        mine = other.service == migration.service and other.name < migration.name
        if entry.state != "applied" and other.state in WAITS_FOR and (mine or _first(other, migration)):
            raise refusals.out_of_order(migration, other.name)
    return entry


def _first(other: Entry, migration: Migration) -> bool:
    return other.service == PLATFORM != migration.service


def _make_ledger(session: Session) -> None:
    """The ledger, where no file was applied yet; made under the migration lock as always."""
    connection = session.connection
    try:
        connection.execute(LEDGER_STANDS)
        return
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        # Not before now: a job may begin beside a long deploy.
        pass
    lock.take(connection, lock.MIGRATING, wait=LEDGER_WAIT, waiting=lambda _: None)
    try:
        ledger.ensure(connection)
    finally:
        connection.execute("select pg_advisory_unlock(%s, %s)", (lock.PRODUCT, lock.MIGRATING))
