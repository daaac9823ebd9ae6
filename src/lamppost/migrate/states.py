"""The state of every migration file in a database: what the ledger's rows and the files mean together.

Pure: rows and files come in, states go out. Rules hold within one service; services do not wait for others.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from difflib import unified_diff
from itertools import islice
from typing import Literal

import msgspec

from lamppost.migrate.contract import Reach, too_early
from lamppost.migrate.files import Bundle, Migration, hash_of
from lamppost.migrate.ledger import Row
from lamppost.migrate.naming import service_of
from lamppost.migrate.statements import split

State = Literal[
    "applied",
    "unfinished",
    "pending",
    "job",
    "edited",
    "missing",
    "ahead",
    "late",
    "contract_job",
    "contract_early",
]
REFUSED: frozenset[State] = frozenset({"edited", "missing", "late", "contract_job", "contract_early"})
# A whole new table fits in; a rewritten dump of 6 MB does not flood the terminal.
DIFF_LINES = 60


class Entry(msgspec.Struct, frozen=True):
    """One file, in the bundle or only in the ledger. `about` says what an unusual state means here.

    `phase` is null for files that only the ledger knows.
    """

    name: str
    service: str
    state: State
    applied_at: datetime | None = None
    about: str = ""
    phase: str | None = None


class Status(msgspec.Struct, frozen=True):
    """Every file with its state, and the newest applied file of each service."""

    entries: tuple[Entry, ...]
    head: dict[str, str]

    def count(self, *states: State) -> int:
        """How many files are in one of these states."""
        return sum(entry.state in states for entry in self.entries)


def classify(
    bundle: Bundle,
    rows: Sequence[Row],
    *,
    allow_late: bool = False,
    reach: Reach | None = None,
    passing: frozenset[str] = frozenset(),
) -> Status:
    """The state of every file, given the ledger's rows.

    `reach` says which releases were live and how long one has to be; without it phases are not enforced.
    `passing` names open jobs so small that they go along with the files: they hold nothing up.
    """
    known = {row.name: row for row in rows}
    newest = newest_of(rows)
    entries = [
        _judge(migration, known.get(migration.name), newest, allow_late) for migration in bundle.migrations
    ]
    held = _held(bundle, entries, known, reach, passing)
    return Status((*held, *_strangers(bundle, rows)), newest)


def newest_of(rows: Iterable[Row]) -> dict[str, str]:
    """The newest applied file of each service."""
    newest: dict[str, str] = {}
    for row in rows:
        service = row.service or service_of(row.name)
        if service is not None:
            newest[service] = max(newest.get(service, ""), row.name)
    return newest


def _judge(migration: Migration, row: Row | None, newest: dict[str, str], allow_late: bool) -> Entry:
    def entry(state: State, about: str = "") -> Entry:
        at = row.applied_at if row else None
        return Entry(migration.name, migration.service, state, at, about, migration.phase)

    if row is None:
        head = newest.get(migration.service, "")
        if migration.job is not None:
            return entry("job", "it runs outside the deploy: lamppost migrate job run " + migration.name)
        if migration.name < head and not allow_late:
            return entry("late", f"it is older than {head}, which is applied already")
        return entry("pending")
    if row.statements is not None:
        return _judge_begun(migration, row)
    if row.sha256 in {None, migration.sha256}:
        return entry("applied")
    if row.text_sha256 == migration.text_sha256:
        about = "its line ends or trailing spaces changed since it was applied; its SQL did not"
        return entry("applied", about)
    about = (
        f"it was edited after {row.applied_by or 'someone'} applied it at {minute(row.applied_at)}:"
        f" applied {row.sha256}, now {migration.sha256}"
    )
    return entry("edited", about + _difference(row, migration))


def _judge_begun(migration: Migration, row: Row) -> Entry:
    """A file of which some statements ran."""
    name, service, at = migration.name, migration.service, row.applied_at
    ran = split(migration.text)[: row.statements]
    if migration.in_transaction or hash_of(ran) != row.sha256:
        about = f"its first {row.statements} statements ran, and they read differently now"
        return Entry(name, service, "edited", at, about, migration.phase)
    if migration.job is not None:
        about = f"{row.statements} of its statements ran: lamppost migrate job run {name}"
        return Entry(name, service, "job", at, about, migration.phase)
    about = f"{row.statements} of its statements ran; the next run goes on from there"
    return Entry(name, service, "unfinished", at, about, migration.phase)


def _held(
    bundle: Bundle, entries: list[Entry], known: dict[str, Row], reach: Reach | None, passing: frozenset[str]
) -> list[Entry]:
    """`entries`, with the contract files held that come before an open job is done or old code is gone."""
    jobs = [entry for entry in entries if entry.state == "job" and entry.name not in passing]
    return [
        _held_by_job(entry, jobs) or _held_by_code(entry, bundle, known, reach) or entry
        if entry.state == "pending" and entry.phase == "contract"
        else entry
        for entry in entries
    ]


def _held_by_job(entry: Entry, jobs: list[Entry]) -> Entry | None:
    before = [job.name for job in jobs if job.service == entry.service and job.name < entry.name]
    if not before:
        return None
    about = f"it removes what an open job may still need: {', '.join(before)}"
    return msgspec.structs.replace(entry, state="contract_job", about=about)


def _held_by_code(entry: Entry, bundle: Bundle, known: dict[str, Row], reach: Reach | None) -> Entry | None:
    if reach is None or not any(migration.name in known for migration in bundle.of(entry.service)):
        # Of a service without any file applied no code was ever live.
        return None
    earlier = [
        migration
        for migration in bundle.of(entry.service)
        if migration.name < entry.name and migration.phase == "expand" and migration.job is None
    ]
    about = too_early(reach, entry.service, earlier, known)
    return None if about is None else msgspec.structs.replace(entry, state="contract_early", about=about)


def _strangers(bundle: Bundle, rows: Iterable[Row]) -> Iterable[Entry]:
    """Files the ledger has and the bundle lacks. Newer ones are another deploy's; older ones were deleted."""
    names = {migration.name for migration in bundle.migrations}
    last: dict[str, str] = {}
    for migration in bundle.migrations:
        last[migration.service] = max(last.get(migration.service, ""), migration.name)
    for row in rows:
        service = row.service or service_of(row.name)
        if row.name in names or service is None or service not in bundle.services:
            continue
        if row.name > last.get(service, ""):
            about = "applied by a newer release; this one does not know it and leaves it alone"
            yield Entry(row.name, service, "ahead", row.applied_at, about)
        else:
            about = f"applied at {minute(row.applied_at)}, and its file is gone"
            yield Entry(row.name, service, "missing", row.applied_at, about)


def _difference(row: Row, migration: Migration) -> str:
    """What changed in the file, where the ledger kept what was applied."""
    if row.text is None:
        return ""
    lines = unified_diff(
        row.text.splitlines(), migration.text.splitlines(), "applied", "now", n=1, lineterm=""
    )
    shown = list(islice(lines, DIFF_LINES + 1))
    if len(shown) > DIFF_LINES:
        shown[DIFF_LINES:] = ["(and more)"]
    return "".join(f"\n    {line[:200]}" for line in shown)


def minute(at: datetime) -> str:
    """A time as people note it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
