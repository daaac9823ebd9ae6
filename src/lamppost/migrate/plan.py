"""What a bundle of files means for a database: what is pending, what is refused, what is worth a word.

Pure: the ledger's rows come in, a plan goes out. Jobs are never pending; they stand beside.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec

from lamppost.errors import AuthorError
from lamppost.migrate import ledger, releases
from lamppost.migrate.contract import Reach
from lamppost.migrate.files import Bundle, Migration
from lamppost.migrate.states import REFUSED, Entry, State, Status, classify

__all__ = ["REFUSED", "Entry", "Plan", "State", "Status", "classify", "decide", "plan", "status"]

_FIX: dict[State, str] = {
    "edited": "bring the file back as it was, and write the change as a new migration",
    "missing": "bring the file back: a database made from these files would lack it",
    "late": "give it a later time in its name, or allow late files once (--allow-late)",
    "contract_job": "run and finish the job first: lamppost migrate job run",
    "contract_early": (
        "deploy without this file, record the release (lamppost migrate live), apply it after the soak time"
    ),
}


class Plan(msgspec.Struct, frozen=True):
    """What `apply` would do: `pending`, in this order. `begun` counts the statements of a file that ran.

    `jobs` are the open ones, in order: files that run outside the deploy.
    """

    pending: tuple[Migration, ...]
    begun: dict[str, int]
    notices: tuple[str, ...]
    refusals: tuple[AuthorError, ...]
    head: dict[str, str]
    jobs: tuple[Migration, ...] = ()

    def check(self) -> None:
        """Raise the refusal; several become one error that lists them."""
        if len(self.refusals) == 1:
            raise self.refusals[0]
        if self.refusals:
            raise AuthorError(
                "\n".join(refusal.what for refusal in self.refusals),
                fix="; ".join(dict.fromkeys(refusal.fix for refusal in self.refusals)),
                code=self.refusals[0].code,
            )


def status(
    connection: ledger.Connection, bundle: Bundle, *, allow_late: bool = False, soak: timedelta | None = None
) -> Status:
    """The state of every file of `bundle` in this database. Reads only."""
    rows = ledger.read(connection)
    reach = _reach(connection, bundle, soak)
    found = classify(bundle, rows, allow_late=allow_late, reach=reach)
    edited = [entry.name for entry in found.entries if entry.state == "edited"]
    if edited:
        rows = ledger.with_texts(connection, rows, edited)
        found = classify(bundle, rows, allow_late=allow_late, reach=reach)
    return found


def plan(
    connection: ledger.Connection,
    bundle: Bundle,
    *,
    allow_late: bool = False,
    soak: timedelta | None = None,
    passing: frozenset[str] = frozenset(),
) -> Plan:
    """What applying `bundle` to this database would do. Reads only; refusals are listed, not raised.

    `soak`: how long code must be live before a contract file; None asks for nothing.
    `passing`: open jobs that go along with the files, since they are small.
    """
    rows = ledger.read(connection)
    reach = _reach(connection, bundle, soak)
    found = decide(bundle, rows, allow_late=allow_late, reach=reach, passing=passing)
    edited = [e.name for e in classify(bundle, rows).entries if e.state == "edited"] if found.refusals else []
    if edited:
        rows = ledger.with_texts(connection, rows, edited)
        found = decide(bundle, rows, allow_late=allow_late, reach=reach, passing=passing)
    return found


def decide(
    bundle: Bundle,
    rows: Sequence[ledger.Row],
    *,
    allow_late: bool = False,
    reach: Reach | None = None,
    passing: frozenset[str] = frozenset(),
) -> Plan:
    """The plan, given the ledger's rows and, where phases are enforced, the releases."""
    states = classify(bundle, rows, allow_late=allow_late, reach=reach, passing=passing)
    by_name = {migration.name: migration for migration in bundle.migrations}

    def of(*wanted: State) -> tuple[Migration, ...]:
        return tuple(by_name[entry.name] for entry in states.entries if entry.state in wanted)

    return Plan(
        pending=of("pending", "unfinished"),
        begun={row.name: row.statements for row in rows if row.statements is not None},
        notices=tuple(_notices(states.entries)),
        refusals=tuple(_refusal(e) for e in states.entries if e.state in REFUSED),
        head=states.head,
        jobs=of("job"),
    )


def _reach(connection: ledger.Connection, bundle: Bundle, soak: timedelta | None) -> Reach | None:
    """Asked only where it matters: most bundles hold no contract file."""
    if soak is None or all(migration.phase == "expand" for migration in bundle.migrations):
        return None
    return releases.reach(connection, soak)


def _notices(entries: Iterable[Entry]) -> Iterable[str]:
    for entry in entries:
        if entry.about and entry.state not in REFUSED and entry.state != "job":
            yield f"{entry.name}: {entry.about}"


def _refusal(entry: Entry) -> AuthorError:
    fix = _FIX[entry.state]
    if entry.state == "contract_job":
        fix = f"{fix} {entry.about.rpartition(': ')[2].split(', ')[0]}"
    return AuthorError(f"{entry.name}: {entry.about}", fix=fix, code=f"migration_{entry.state}")
