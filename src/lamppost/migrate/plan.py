"""What a bundle of files means for a database: what is pending, what is refused, what is worth a word.

Pure: the ledger's rows come in, a plan goes out. Rules hold within one
service; services do not wait for each other.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from lamppost.errors import AuthorError
from lamppost.migrate import ledger
from lamppost.migrate.files import Bundle, Migration, hash_of, service_of
from lamppost.migrate.statements import split

State = Literal["applied", "unfinished", "pending", "edited", "missing", "ahead", "late"]
REFUSED: frozenset[State] = frozenset({"edited", "missing", "late"})


class Entry(msgspec.Struct, frozen=True):
    """One file, in the bundle or only in the ledger. `about` says what an unusual state means here."""

    name: str
    service: str
    state: State
    applied_at: datetime | None = None
    about: str = ""


class Status(msgspec.Struct, frozen=True):
    """Every file with its state, and the newest applied file of each service."""

    entries: tuple[Entry, ...]
    head: dict[str, str]

    def count(self, *states: State) -> int:
        """How many files are in one of these states."""
        return sum(entry.state in states for entry in self.entries)


class Plan(msgspec.Struct, frozen=True):
    """What `apply` would do: `pending`, in this order. `begun` counts the statements of a file that ran."""

    pending: tuple[Migration, ...]
    begun: dict[str, int]
    notices: tuple[str, ...]
    refusals: tuple[AuthorError, ...]
    head: dict[str, str]

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


def status(connection: ledger.Connection, bundle: Bundle, *, allow_late: bool = False) -> Status:
    """The state of every file of `bundle` in this database. Reads only."""
    return classify(bundle, ledger.read(connection), allow_late=allow_late)


def plan(connection: ledger.Connection, bundle: Bundle, *, allow_late: bool = False) -> Plan:
    """What applying `bundle` to this database would do. Reads only; refusals are listed, not raised."""
    return decide(bundle, ledger.read(connection), allow_late=allow_late)


def classify(bundle: Bundle, rows: Sequence[ledger.Row], *, allow_late: bool = False) -> Status:
    """The state of every file, given the ledger's rows."""
    known = {row.name: row for row in rows}
    newest = _newest(rows)
    entries = [
        _judge(migration, known.get(migration.name), newest, allow_late) for migration in bundle.migrations
    ]
    entries += _strangers(bundle, rows)
    return Status(tuple(entries), newest)


def decide(bundle: Bundle, rows: Sequence[ledger.Row], *, allow_late: bool = False) -> Plan:
    """The plan, given the ledger's rows."""
    states = classify(bundle, rows, allow_late=allow_late)
    by_name = {migration.name: migration for migration in bundle.migrations}
    return Plan(
        pending=tuple(by_name[e.name] for e in states.entries if e.state in {"pending", "unfinished"}),
        begun={row.name: row.statements for row in rows if row.statements is not None},
        notices=tuple(f"{e.name}: {e.about}" for e in states.entries if e.about and e.state not in REFUSED),
        refusals=tuple(_refusal(e) for e in states.entries if e.state in REFUSED),
        head=states.head,
    )


def _judge(migration: Migration, row: ledger.Row | None, newest: dict[str, str], allow_late: bool) -> Entry:
    name, service = migration.name, migration.service
    if row is None:
        head = newest.get(service, "")
        if name < head and not allow_late:
            return Entry(name, service, "late", None, f"it is older than {head}, which is applied already")
        return Entry(name, service, "pending")
    if row.statements is not None:
        ran = split(migration.text)[: row.statements]
        if migration.in_transaction or hash_of(ran) != row.sha256:
            about = f"its first {row.statements} statements ran, and they read differently now"
            return Entry(name, service, "edited", row.applied_at, about)
        about = f"{row.statements} of its statements ran; the next run goes on from there"
        return Entry(name, service, "unfinished", row.applied_at, about)
    if row.sha256 in {None, migration.sha256}:
        return Entry(name, service, "applied", row.applied_at)
    if row.text_sha256 == migration.text_sha256:
        about = "its line ends or trailing spaces changed since it was applied; its SQL did not"
        return Entry(name, service, "applied", row.applied_at, about)
    about = (
        f"it was edited after {row.applied_by or 'someone'} applied it at {_minute(row)}:"
        f" applied {row.sha256}, now {migration.sha256}"
    )
    return Entry(name, service, "edited", row.applied_at, about)


def _strangers(bundle: Bundle, rows: Iterable[ledger.Row]) -> Iterable[Entry]:
    """Files the ledger has and the bundle lacks. Newer ones are another deploy's; older ones were deleted."""
    names = {migration.name for migration in bundle.migrations}
    for row in rows:
        service = row.service or service_of(row.name)
        if row.name in names or service is None or service not in bundle.services:
            continue
        last = max((migration.name for migration in bundle.of(service)), default="")
        if row.name > last:
            about = "applied by a newer release; this one does not know it and leaves it alone"
            yield Entry(row.name, service, "ahead", row.applied_at, about)
        else:
            about = f"applied at {_minute(row)}, and its file is gone"
            yield Entry(row.name, service, "missing", row.applied_at, about)


def _refusal(entry: Entry) -> AuthorError:
    fix = {
        "edited": "bring the file back as it was, and write the change as a new migration",
        "missing": "bring the file back: a database made from these files would lack it",
        "late": "give it a later time in its name, or allow late files once (--allow-late)",
    }[entry.state]
    return AuthorError(f"{entry.name}: {entry.about}", fix=fix, code=f"migration_{entry.state}")


def _minute(row: ledger.Row) -> str:
    return f"{row.applied_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _newest(rows: Iterable[ledger.Row]) -> dict[str, str]:
    newest: dict[str, str] = {}
    for row in rows:
        service = row.service or service_of(row.name)
        if service is not None:
            newest[service] = max(newest.get(service, ""), row.name)
    return newest
