"""Other time zones are installed: what lies ahead goes to where they say."""

from datetime import datetime

from lamppost import Context, seconds
from lamppost.delivery import operations, reports
from services.birthday import calendar, shifting
from services.birthday.store import kinds, moving
from services.birthday.store.moving import Ahead

# Moving ends before Lambda does; the next request goes on.
ENOUGH = seconds(5)


def tzdata(request: operations.Tzdata, ctx: Context) -> reports.Moved:
    """What the installed time zones move of what lies ahead; `apply` moves as much as there is time for."""
    with ctx.transaction() as db:
        ahead = moving.ahead(db)
        hours = {kind.name: kind.hour for kind in kinds.every(db).values()}
    found = shifting.shifts(ahead, hours)
    moved = _move(found.moves, ctx) if request.apply else 0
    if moved:
        ctx.log.warning("occurrences.moved", count=moved, tzdata=calendar.TZDATA)
    return reports.Moved(
        calendar.TZDATA,
        tuple(sorted({each.tzdata for each in ahead})),
        sum(each.count for each in ahead),
        sum(each.count for each, _ in found.moves),
        moved,
        shifting.listed(found.moves),
        found.unknown,
    )


def _move(moves: tuple[tuple[Ahead, datetime], ...], ctx: Context) -> int:
    """Portion by portion, each a transaction: after a kill what moved has moved, and the rest has not."""
    moved = 0
    for some, new in moves:
        portion = moving.PORTION
        while portion == moving.PORTION and ctx.remaining() > ENOUGH:
            with ctx.transaction() as db:
                portion = moving.move(db, some, new)
            moved += portion
    return moved
