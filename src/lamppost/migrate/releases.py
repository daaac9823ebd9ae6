"""`public.schema_releases`: which code was live when, so that a contract file knows when it may go in.

It stands beside the ledger and is made the same way. A row says: from `live_at` on, the code of `service`
that was released with its files up to `head` served requests.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

import psycopg

from lamppost.errors import OperatorError
from lamppost.migrate.contract import Reach, Release
from lamppost.migrate.files import Bundle
from lamppost.migrate.ledger import Connection

CREATE = """
create table if not exists public.schema_releases (
    id      bigint generated always as identity primary key,
    service text not null,
    head    text not null,
    digest  text not null,
    live_at timestamptz not null default now()
)
"""
READ = "select service, head, live_at, digest from public.schema_releases order by id"
NOW = "select now()"
# Going back to an older release is a new row; saying the same thing twice is none.
RECORD = """
insert into public.schema_releases (service, head, digest)
select %(service)s, %(head)s, %(digest)s
 where array[%(head)s, %(digest)s]::text[] is distinct from
       (select array[head, digest] from public.schema_releases
         where service = %(service)s order by id desc limit 1)
"""


def read(connection: Connection) -> tuple[Release, ...]:
    """All releases in the order they went live; none where nobody recorded one."""
    try:
        return tuple(Release(*row) for row in connection.execute(READ).fetchall())
    except psycopg.errors.UndefinedTable:
        return ()


def reach(connection: Connection, soak: timedelta) -> Reach:
    """What the rule of the phases asks for, by the server's clock."""
    row = connection.execute(NOW).fetchone()
    if row is None:
        raise AssertionError("a select without a table has one row")
    return Reach(read(connection), row[0], soak)


def record(connection: Connection, bundle: Bundle) -> tuple[Release, ...]:
    """Note that the code released with these files is live, now. Returns what is new; twice is nothing new.

    Call it as the ledger's owner, under the migration lock.
    """
    heads = {}
    for service in bundle.services:
        names = [migration.name for migration in bundle.of(service)]
        if names:
            heads[service] = (max(names), hashlib.sha256("\n".join(names).encode()).hexdigest())
    return record_heads(connection, heads)


def record_heads(connection: Connection, heads: Mapping[str, tuple[str, str]]) -> tuple[Release, ...]:
    """The same for releases that are known by each service's newest file and a digest of all of them."""
    try:
        connection.execute(CREATE)
        before = len(read(connection))
        for service, (head, digest) in heads.items():
            connection.execute(RECORD, {"service": service, "head": head, "digest": digest})
    except psycopg.errors.InsufficientPrivilege as refused:
        raise OperatorError(
            f"public.schema_releases cannot be made or written: {str(refused).strip()}",
            fix="run the provisioning first, or make the migrator role its owner",
            code="ledger_rights",
        ) from refused
    return read(connection)[before:]
