"""Why a job does not run, or stopped: said so that its author or operator can act."""

import psycopg

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate.files import Migration
from lamppost.migrate.jobs.key import Stretch
from lamppost.migrate.jobs.state import Progress
from lamppost.migrate.states import minute


def unknown(name: str) -> OperatorError:
    """There is no job of this name among the files."""
    return OperatorError(
        f"{name} is no job among these files", fix="see lamppost migrate job list", code="job_unknown"
    )


def not_taken_up(migration: Migration, row: Progress | None) -> AuthorError | OperatorError:
    """The job could not be begun: it is paused, or its file is another one than it began with."""
    if row is not None and row.text_sha256 != migration.text_sha256:
        return AuthorError(
            f"{migration.name}: it was edited while it is in progress ({row.rows_done:,} rows done):"
            f" begun as {row.sha256}, now {migration.sha256}",
            fix="bring the file back as it was; or forget the progress and begin at the first key:"
            f" lamppost migrate job restart {migration.name}",
            code="migration_edited",
        )
    at = f" since {minute(row.heartbeat_at)}" if row else ""
    return OperatorError(
        f"{migration.name} is paused{at}",
        fix=f"lamppost migrate job resume {migration.name}",
        code="job_paused",
    )


def out_of_order(migration: Migration, before: str) -> OperatorError:
    """A file that stands before the job is not in yet."""
    return OperatorError(
        f"{migration.name} comes after {before}, which this database does not have yet",
        fix="apply what comes first (lamppost migrate apply), and run earlier jobs first",
        code="job_order",
    )


def running(name: str, holder: str) -> OperatorError:
    """Somebody else runs the job."""
    return OperatorError(
        f"{name} is being run by {holder or 'somebody who just let go'}",
        fix="leave it to them, or stop them: lamppost migrate job pause",
        code="job_running",
    )


def broken(name: str, error: psycopg.Error) -> OperatorError:
    """The connection, or the server, went away."""
    return OperatorError(
        f"{name}: the connection broke: {str(error).strip()}",
        fix="run it again once the server is back: it goes on behind the last batch, which is kept",
        code="migration_connection",
    )


def lost(name: str) -> OperatorError:
    """The checkpoint is not the one this runner wrote."""
    return OperatorError(
        f"{name}: its progress was changed by somebody else; the present batch was not kept",
        fix="look who: lamppost migrate job status, and run it again",
        code="job_lost",
    )


def failing(migration: Migration, stretch: Stretch | None, column: str, error: psycopg.Error) -> AuthorError:
    """The statement cannot succeed; `stretch` says for which rows. Values of rows are not repeated."""
    if stretch is None:
        where = ""
    elif stretch.first == stretch.last:
        where = f" where {column} is {stretch.first}"
    else:
        where = f" where {column} is between {stretch.first} and {stretch.last}"
    return AuthorError(
        f"{migration.name}: {error.diag.message_primary or error} ({error.sqlstate}){where}",
        fix=error.diag.message_hint
        or ("mend that row or the statement; every row before it is done" if where else "mend the file"),
        code="migration_failed",
    )


def stuck(migration: Migration, tries: int, stretch: Stretch | None, column: str, why: str) -> OperatorError:
    """Every try of a batch met a lock, a timeout or a conflict."""
    at = f" at {column} {stretch.first}" if stretch else ""
    return OperatorError(
        f"{migration.name}: its batch{at} did not get through in {tries} tries: {why}",
        fix="let that session finish or end it, then run it again; every batch before is kept",
        code="migration_blocked",
    )


def endless_transaction(migration: Migration) -> AuthorError:
    """The statement ended the transaction that should hold it and its checkpoint."""
    return AuthorError(
        f"{migration.name}: it ended the transaction it runs in",
        fix="let what it calls neither commit nor roll back",
        code="migration_transaction",
    )
