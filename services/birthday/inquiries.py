"""What an operator asks of the greetings without changing anything: when and why, what became of them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from lamppost import Context, OperatorError, SettingMissing
from lamppost.delivery import operations, reports
from services.birthday import endpoint, explaining
from services.birthday.store import kinds, ledger, looking, pausing, replaying

DAY = timedelta(days=1)
STATUSES = ("delivered", "waiting", "dead")


def explain(request: operations.Explain, ctx: Context) -> reports.Explained:
    """A person's next instants, and the greetings of theirs that are open or of the last year."""
    with ctx.transaction() as db:
        days = looking.days(db, request.person, request.kind)
        hours = {kind.name: kind.hour for kind in kinds.every(db).values()}
        now = replaying.now(db)
        found = [*looking.untried(db, request.person), *looking.tried(db, request.person)]
        paused = pausing.paused(db)
    if not days:
        of = f" {request.kind}" if request.kind else ""
        raise OperatorError(
            f"there is no{of} day of a person {request.person}",
            fix="take the id that POST /user answered with; --kind names a row of birthday.kinds",
            code="person_unknown",
        )
    recent = [each for each in found if each.status == "waiting" or each.due_at > now - 366 * DAY]
    shown = [each for each in recent if request.kind in (None, each.kind)]
    return reports.Explained(
        str(request.person),
        now.astimezone(UTC),
        tuple(explaining.explained(day, hours[day.kind], request.count) for day in days),
        tuple(explaining.delivery(each, paused) for each in shown),
    )


def listing(request: operations.Listing, ctx: Context) -> reports.Listed:
    """Greetings that were tried, latest due first."""
    if request.status is not None and request.status not in STATUSES:
        raise OperatorError(
            f"{request.status!r} is no status", fix=f"one of: {', '.join(STATUSES)}", code="status_unknown"
        )
    with ctx.transaction() as db:
        until = request.until or replaying.now(db)
        since = request.since or datetime(1970, 1, 1, tzinfo=UTC)
        found = looking.latest(db, status=request.status, since=since, until=until, limit=request.limit + 1)
        paused = pausing.paused(db)
    shown = found[: request.limit]
    return reports.Listed(
        tuple(explaining.delivery(each, paused) for each in shown), len(found) > request.limit
    )


def attempts(request: operations.Attempts, ctx: Context) -> reports.Attempted:
    """The attempt log of a greeting, or of all greetings of a person."""
    asked = read_id(request.of)
    with ctx.transaction() as db:
        found = [*looking.untried(db, asked), *looking.tried(db, asked)]
        paused = pausing.paused(db)
        log = looking.attempts(db, [each.id for each in found])
    if not found:
        raise OperatorError(
            f"nothing was due yet under the id {request.of}",
            fix="give a person's id, an eventId or a webhook-id (msg_…)",
            code="delivery_unknown",
        )
    return reports.Attempted(tuple(explaining.delivery(each, paused) for each in found), tuple(log))


def read_id(text: str) -> UUID:
    """A greeting's or a person's id, or the id in a webhook-id."""
    try:
        return UUID(text.strip().removeprefix("msg_"))
    except ValueError:
        raise OperatorError(
            f"{text!r} is no id",
            fix="give a person's id, an eventId or a webhook-id (msg_…)",
            code="id_malformed",
        ) from None


def book(request: operations.Ledger, ctx: Context) -> reports.Book:
    """The ledger of a span of due times, of the last day when nothing is said."""
    with ctx.transaction() as db:
        until = request.until or replaying.now(db)
        since = request.since or until - DAY
        if since >= until:
            raise OperatorError(
                "the ledger's since is not before its until", fix="turn them round", code="span_empty"
            )
        total, minutes = ledger.ledger(db, since=since, until=until, limit=request.limit + 1)
    shown, rest = minutes[: request.limit], minutes[request.limit :]
    minutes_utc = tuple(msgspec.structs.replace(each, at=_utc(each.at)) for each in shown)
    more = _utc(rest[0].at) if rest else None
    return reports.Book(since.astimezone(UTC), until.astimezone(UTC), total, minutes_utc, more)


def _utc(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at is not None else None


def state(ctx: Context) -> reports.Paused:
    """Whether sending is paused, since when and by whom, and how much waits."""
    with ctx.transaction() as db:
        paused = pausing.paused(db)
        line = ledger.line(db)
    if paused is None:
        return reports.Paused(False, line.waiting, line.sending)
    return reports.Paused(
        True,
        line.waiting,
        line.sending,
        paused.since.astimezone(UTC),
        paused.who,
        paused.why,
        paused.endpoint,
        paused.endpoint != fingerprint(ctx),
    )


def fingerprint(ctx: Context) -> str:
    """Of the URL of this moment; '' while there is none."""
    try:
        return endpoint.fingerprint(ctx.parameter(endpoint.URL))
    except SettingMissing:
        return ""
