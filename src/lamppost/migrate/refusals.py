"""What the server, the file or the traffic refused, said so that its author or operator can act."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate.files import Migration


@contextmanager
def located(migration: Migration, sent: str) -> Iterator[None]:
    """Turn the server's refusal of `sent`, a part of the file, into one that names file and line."""
    try:
        yield
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error as refused:
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


def stayed_locked(migration: Migration, tries: int, blocker: str) -> OperatorError:
    """Every try met a lock; `blocker` is the session that held it last."""
    kept = "nothing of the file was kept" if migration.in_transaction else "it goes on where it stopped"
    return OperatorError(
        f"{migration.name}: its table stayed locked through {tries} tries, last by {blocker}",
        fix=f"let that session finish or end it, then run this again; {kept}",
        code="migration_blocked",
    )
