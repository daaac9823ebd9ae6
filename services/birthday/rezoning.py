"""Other time zones are installed, or a kind has another hour: what lies ahead goes to where they say."""

from lamppost import Context, seconds
from lamppost.delivery import operations, reports
from services.birthday import calendar, shifting
from services.birthday.shifting import Shift
from services.birthday.store import kinds, moving

# Moving ends before Lambda does; the next request goes on.
ENOUGH = seconds(5)


def tzdata(request: operations.Tzdata, ctx: Context) -> reports.Moved:
    """What the installed time zones, and the hours of the kinds, move of what lies ahead.

    `apply` moves as much as there is time for.
    """
    with ctx.transaction() as db:
        ahead = moving.ahead(db)
        hours = {kind.name: kind.hour for kind in kinds.every(db).values()}
    found = shifting.shifts(ahead, hours)
    moved = _move(found.moves, ctx) if request.apply else 0
    if moved:
        ctx.log.warning("occurrences.moved", count=moved, tzdata=calendar.TZDATA)
    return reports.Moved(
        calendar.TZDATA,
        tuple(sorted({each.tzdata for each in ahead} - {calendar.TZDATA})),
        sum(each.count for each in ahead),
        sum(each.some.count for each in found.moves),
        moved,
        shifting.listed(found.moves),
        found.unknown,
    )


def _move(moves: tuple[Shift, ...], ctx: Context) -> int:
    """Portion by portion, each a transaction: after a kill what moved has moved, and the rest has not."""
    moved = 0
    for each in moves:
        portion = moving.PORTION
        while portion == moving.PORTION and ctx.remaining() > ENOUGH:
            with ctx.transaction() as db:
                portion = moving.move(db, each.some, each.wall, each.due_at)
            moved += portion
    return moved
