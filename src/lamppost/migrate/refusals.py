"""What the server, the file or the traffic refused, said so that its author or operator can act."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate.files import Migration

COPY_FIX = "write the rows as insert (pg_dump --inserts does), or load them with a job of your own"
_COPY = re.compile(r"\bcopy\b[^;]*\bfrom\s+stdin\b", re.IGNORECASE)
# What the server says to a statement, or to the commit in a procedure, that a transaction surrounds.
_NO_TRANSACTION = (psycopg.errors.ActiveSqlTransaction, psycopg.errors.InvalidTransactionTermination)


class NeedsNoTransaction(Exception):
    """A statement that was tried in a transaction cannot run in one."""


@contextmanager
def located(migration: Migration, sent: str, *, may_be_alone: bool = False) -> Iterator[None]:
    """Turn the server's refusal of `sent`, a part of the file, into one that names file and line.

    With `may_be_alone` a statement that no transaction can hold raises `NeedsNoTransaction` instead.
    """
    try:
        yield
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error as refused:
        if may_be_alone and isinstance(refused, _NO_TRANSACTION):
            raise NeedsNoTransaction from refused
        if refused.sqlstate is None and isinstance(refused, psycopg.ProgrammingError):
            raise AuthorError(
                f"{migration.name}: COPY exchanges data with a client, and a migration has none",
                fix=COPY_FIX,
                code="migration_copy",
            ) from refused
        if refused.sqlstate is None:
            raise OperatorError(
                f"{migration.name}: the connection broke: {str(refused).strip()}",
                fix="run it again: whole files are kept, the broken one begins anew",
                code="migration_connection",
            ) from refused
        place = migration.name + _line(migration, sent, refused.diag)
        raise AuthorError(
            f"{place}: {refused.diag.message_primary or refused} ({refused.sqlstate})",
            fix=refused.diag.message_hint or _advice(migration, refused),
            code="migration_failed",
        ) from refused


@contextmanager
def at_commit(migration: Migration) -> Iterator[None]:
    """Turn the refusal of a commit (a deferred constraint) into one that names the file."""
    try:
        yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.NotNullViolation):
        raise
    except psycopg.Error as refused:
        with located(migration, ""):
            raise refused


def _line(migration: Migration, sent: str, diag: Any) -> str:
    if not diag.statement_position:
        return ""
    offset = max(migration.text.find(sent), 0) + int(diag.statement_position) - 1
    return f":{migration.text[:offset].count(chr(10)) + 1}"


def _advice(migration: Migration, refused: psycopg.Error) -> str:
    if isinstance(refused, psycopg.errors.ActiveSqlTransaction):
        return "put `-- lamppost: no-transaction` in the file's first line, and this statement alone in it"
    if isinstance(refused, psycopg.errors.QueryCanceled):
        return "split it into smaller steps, or allow it more time (statement_timeout)"
    if isinstance(refused, psycopg.errors.InsufficientPrivilege):
        return "a migration may change its own service's schema only"
    if isinstance(refused, psycopg.errors.SyntaxError):
        if '"\\"' in (refused.diag.message_primary or ""):
            return "a line that begins with a backslash speaks to psql, not to the server: write it as SQL"
        if _COPY.search(migration.text):
            return COPY_FIX
    if migration.in_transaction:
        return "mend the file; nothing of it was kept"
    return "mend this statement; those before it were kept, and the next run goes on from here"


def ended_its_transaction(migration: Migration) -> AuthorError:
    """The transaction that should hold the file and its row is gone."""
    return AuthorError(
        f"{migration.name}: it ended the transaction it runs in (commit, rollback or begin);"
        " what it committed itself stays, and the file counts as not applied",
        fix="remove those words; where a statement allows no transaction,"
        " begin the file with `-- lamppost: no-transaction`",
        code="migration_transaction",
    )


def opened_a_transaction(migration: Migration) -> AuthorError:
    """A statement of a file without a transaction left one open."""
    return AuthorError(
        f"{migration.name}: it opens a transaction in a file that asked for none",
        fix="remove `begin`, or the no-transaction line",
        code="migration_transaction",
    )


def uncertain(migration: Migration, count: int, statement: str) -> OperatorError:
    """A statement outside a transaction had begun when an earlier run died, and leaves no trace to read."""
    line = migration.text[: max(migration.text.find(statement), 0)].count(chr(10)) + 1
    return OperatorError(
        f"{migration.name}:{line}: statement {count} had begun when an earlier run died, and may have run,"
        f" wholly or in part; it is not repeated blindly:\n    {shortened(statement)}",
        fix="look whether it did its work, then say so: lamppost migrate repair --ran"
        f" {migration.name} (it did), or --again {migration.name} (run it once more)",
        code="migration_uncertain",
    )


def unnamed_index(migration: Migration, statement: str) -> AuthorError:
    """A broken build of it could not be found again."""
    return AuthorError(
        f"{migration.name}: an index built concurrently has no name:\n    {shortened(statement)}",
        fix="name it: should the build break, the INVALID rest is found by its name",
        code="migration_unnamed_index",
    )


def came_out_wrong(migration: Migration, wrong: str) -> AuthorError:
    """The server said yes, and the catalog says otherwise."""
    return AuthorError(
        f"{migration.name}: {wrong}",
        fix="look what else builds or drops it now, then run this again",
        code="migration_invalid_index",
    )


def out_of_time(migration: Migration) -> OperatorError:
    """The caller's deadline ended a statement."""
    kept = "nothing of it was kept" if migration.in_transaction else "it goes on where it stopped"
    return OperatorError(
        f"{migration.name}: cancelled, since this run's time is up; {kept}",
        fix="run it again where more time is allowed, or make a job of it (`-- lamppost: job`)",
        code="migration_deadline",
    )


def no_time_left(names: list[str], seconds: float) -> OperatorError:
    """Not worth beginning the next file."""
    return OperatorError(
        f"{max(seconds, 0):.0f} s are left of this run's time, too little to begin another file;"
        f" {len(names)} not applied: {', '.join(names)}",
        fix="run it again: what was applied stays, and it goes on from there",
        code="migration_deadline",
    )


def through_a_pooler() -> OperatorError:
    """The session that has the lock is not the one that our statements reach."""
    return OperatorError(
        "this connection goes through a pooler, which hands sessions around and would lose the lock",
        fix="connect the migrator to PostgreSQL itself, not to PgBouncer or RDS Proxy",
        code="migration_pooler",
    )


def shortened(statement: str) -> str:
    """A statement on one line, at most 160 characters of it."""
    line = " ".join(statement.split())
    return line if len(line) <= 160 else f"{line[:157]}..."


def stayed_locked(migration: Migration, tries: int, blocker: str) -> OperatorError:
    """Every try met a lock; `blocker` is the session that held it last."""
    kept = "nothing of the file was kept" if migration.in_transaction else "it goes on where it stopped"
    return OperatorError(
        f"{migration.name}: its table stayed locked through {tries} tries, last by {blocker}",
        fix=f"let that session finish or end it, then run this again; {kept}",
        code="migration_blocked",
    )
