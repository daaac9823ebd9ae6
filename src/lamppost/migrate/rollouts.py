"""Which releases' files this database has had: `public.schema_rollouts`, one row for each digest.

A deploy that fails is rolled back with the digest of the release before it. The database remembers
that one, so going back to it is known to need nothing, whatever package is asked.
"""

import hashlib
from collections.abc import Iterable

import psycopg
from psycopg import sql

from lamppost.migrate import ledger, lock
from lamppost.migrate.files import Bundle

CREATE = """
create table if not exists public.schema_rollouts (
    digest         text primary key,
    rolled_out_at  timestamptz not null default now()
)
"""
REMEMBER = "insert into public.schema_rollouts (digest) values (%s) on conflict do nothing"
KNOWN = "select exists (select from public.schema_rollouts where digest = %s)"
WAIT = 60.0


def digest_of(bundles: Iterable[Bundle]) -> str:
    """One hash of all files' services, names and bytes, in whatever order the bundles come."""
    digest = hashlib.sha256()
    files = {(one.service, one.name, one.sha256) for bundle in bundles for one in bundle.migrations}
    for file in sorted(files):
        digest.update("\0".join(file).encode() + b"\n")
    return digest.hexdigest()


def is_known(connection: ledger.Connection, digest: str) -> bool:
    """Whether every file of the release with this digest was brought in, at some time."""
    try:
        row = connection.execute(KNOWN, (digest,)).fetchone()
    except psycopg.errors.UndefinedTable:
        return False
    return row is not None and bool(row[0])


def remember(connection: ledger.Connection, digest: str, *, role: str) -> None:
    """Note a release whose files are all in. Doing it again changes nothing."""
    connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    try:
        connection.execute(REMEMBER, (digest,))
    except psycopg.errors.UndefinedTable:
        lock.take(connection, lock.MIGRATING, wait=WAIT, waiting=_in_silence)
        connection.execute(CREATE)
        connection.execute(REMEMBER, (digest,))


def _in_silence(holder: str) -> None:
    """Another migrator notes its own release: done in a moment."""
