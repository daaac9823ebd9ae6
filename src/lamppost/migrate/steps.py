"""A file without a transaction, statement by statement: each in a transaction with its note where one can be.

What no transaction can hold is noted before it begins. Dies the run then, the next one looks for its
traces; where it leaves none, the run stops and says so, for nothing is done twice blindly.
"""

import re

from psycopg.pq import TransactionStatus

from lamppost.migrate import outside, records, refusals
from lamppost.migrate.events import Resumed
from lamppost.migrate.files import Migration, hash_of
from lamppost.migrate.indexes import Build
from lamppost.migrate.run import Run
from lamppost.migrate.statements import split

# An index built beside the traffic waits for every older transaction; that is its nature, not an obstacle.
PATIENCE = 20
_SETTING = re.compile(r"\A(?:set|reset)\s(?!\s*(?:local|transaction)\s)", re.IGNORECASE)
_TRANSACTION = {"BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PREPARE TRANSACTION"}


def apply_steps(run: Run, migration: Migration) -> None:
    """Apply what has not run yet of `migration`, and note the file as whole."""
    statements = split(migration.text)
    run.become(run.role)
    begun = records.begin_steps(run.connection, migration, tool=run.tool, ran=hash_of(()))
    for statement in statements[: begun.statements]:
        if _SETTING.match(outside.bare(statement)):
            # It held for a session that is gone, and the rest of the file counts on it.
            run.connection.execute(statement.encode())
    for count in range(begun.statements + 1, len(statements) + 1):
        step = _Step(run, migration, statements, count)
        if begun.running != count or not step.resume(begun.text):
            step.run()
    records.whole(run.connection, migration)


class _Step:
    """The `count`-th statement of a file."""

    def __init__(self, run: Run, migration: Migration, statements: tuple[str, ...], count: int) -> None:
        self._run = run
        self._connection = run.connection
        self._migration = migration
        self._statement = statements[count - 1]
        self._count = count
        self._hash = hash_of(statements[:count])
        self._known = outside.known(self._statement)

    def resume(self, old: str) -> bool:
        """Whether nothing is left to do for a statement that began in an earlier run, whose text was `old`.

        Raises `OperatorError` where nobody can tell.
        """
        before = split(old)[self._count - 1 : self._count]
        if self._known is None or before != (self._statement,):
            raise refusals.uncertain(self._migration, self._count, *(before or (self._statement,)))
        ran = self._known.ran(self._connection)
        found = "it did its work" if ran else "it is begun again, which harms nothing"
        self._run.report(Resumed(self._migration.name, self._count, found))
        if ran:
            self._note()
        return ran

    def run(self) -> None:
        """Send it and note it."""
        if isinstance(self._known, Build) and self._known.index is None:
            raise refusals.unnamed_index(self._migration, self._statement)
        if self._known is None:
            try:
                self._run.patiently(self._migration, self._inside)
                return
            except refusals.NeedsNoTransaction:
                # Nothing of it was kept. Only now do we know that it commits, or refuses company.
                pass
        records.note_start(self._connection, self._migration.name, count=self._count)
        patience = self._run.limits.lock * (PATIENCE if self._known else 1)
        self._run.patiently(self._migration, lambda: self._alone(patience))

    def _inside(self) -> None:
        """The statement and its note in one transaction."""
        self._run.begin(self._run.limits.lock, fresh=False)
        with refusals.located(self._migration, self._statement, may_be_alone=True):
            cursor = self._connection.execute(self._statement.encode())
        if (cursor.statusmessage or "").partition(" ")[0] in _TRANSACTION or not self._in_transaction():
            raise refusals.opened_a_transaction(self._migration)
        self._run.own(local=True)
        self._note()
        self._connection.execute("commit")

    def _alone(self, lock_timeout: float) -> None:
        """The statement by itself, and then its note."""
        self._limit(lock_timeout)
        sent = self._statement
        if self._known is not None:
            sent = self._known.tidy(self._connection) or sent
        with refusals.located(self._migration, sent):
            self._connection.execute(sent.encode())
        if self._in_transaction():
            raise refusals.opened_a_transaction(self._migration)
        if self._known is not None and (wrong := self._known.wrong(self._connection)):
            raise refusals.came_out_wrong(self._migration, wrong)
        self._run.own(local=False)
        self._note()

    def _note(self) -> None:
        records.step(self._connection, self._migration.name, count=self._count, ran=self._hash)

    def _in_transaction(self) -> bool:
        return self._connection.info.transaction_status != TransactionStatus.IDLE

    def _limit(self, lock_timeout: float) -> None:
        statement = self._run.deadline.bound(self._run.limits.statement)
        self._connection.execute(
            "select set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)",
            (f"{lock_timeout * 1000:.0f}", f"{statement * 1000:.0f}"),
        )
