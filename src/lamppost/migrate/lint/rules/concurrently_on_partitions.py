"""An index built concurrently on a table of partitions."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import CreateIndex, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "concurrently-on-partitions"
SEVERITY: Severity = "block"
WHEN = "create index concurrently names a partitioned table"
HARM = "the server refuses it"
INSTEAD = "create index … on only the parent, then concurrently on each partition, then attach them"
NEEDS = "catalog"

ON = (CreateIndex,)


def check(what: CreateIndex, at: State) -> Iterator[Found]:
    """Whether the table has partitions is known from earlier files or the catalog."""
    table = at.resolved(what.table)
    if what.concurrently and (table in at.known(table).partitioned or table in at.partitioned):
        yield Found(f"{table} has partitions: the server refuses to build an index on it concurrently")
