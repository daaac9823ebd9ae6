"""A job in pieces: as much of it as one invocation of a function has time for, and what to do then.

Whoever calls again and again (a state machine, or a person) needs to know nothing of a job but `next`. A
piece may end anywhere, or be killed: whole batches and whole statements stay, and the next piece goes on.
"""

import time
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from psycopg import sql

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate import ledger
from lamppost.migrate.apply import connected
from lamppost.migrate.jobs import state
from lamppost.migrate.jobs.run import Job, Report, all_jobs, run_job, silent
from lamppost.migrate.provision import roles
from lamppost.migrate.rollout import Place

Next = Literal["again", "later", "end"]


class Piece(msgspec.Struct, frozen=True):
    """How a piece ended, and whether to call `again` at once, `later`, or no more.

    `job` is None where nothing was left to do; `rows_done` is of the whole job, over all its pieces.
    """

    next: Next
    state: Literal["done", "stopped", "paused", "running"]
    job: str | None = None
    rows_done: int = 0


def run_piece(
    places: Sequence[Place],
    name: str | None,
    *,
    walk: float,
    statement: float,
    report: Report = silent,
    now: Callable[[], float] = time.monotonic,
) -> Piece:
    """Run the job `name` for a while; without a name the first that is open, until none is.

    Behind `walk` seconds no further batch of rows begins, and behind `statement` seconds a statement of heavy
    DDL is cancelled. Raises `AuthorError` for an unknown name and for a statement that a whole piece is too
    short for, else as `run_job` does.
    """
    if name is None:
        return _first_open(places, walk, statement, report, now)
    place = _place(places, name)
    ran, until = _statements(place, name), now() + walk
    try:
        ended = run_job(
            place.conninfo,
            place.bundle,
            name,
            role=roles(place.database).migrator,
            report=report,
            stop=lambda: now() >= until,
            seconds=statement,
        )
    except OperatorError as refused:
        return _instead(refused, name, further=_statements(place, name) > ran)
    again: Next = "again" if ended.state == "stopped" else "end"
    return Piece(again, ended.state, name, ended.rows_done)


def standing(places: Sequence[Place]) -> dict[str, tuple[Job, ...]]:
    """Every job of each database, and how far it is. Reads only."""
    found: dict[str, tuple[Job, ...]] = {}
    for place in places:
        with connected(place.conninfo) as connection:
            found[place.database] = all_jobs(connection, place.bundle)
    return found


def pause(places: Sequence[Place], name: str) -> bool:
    """Let the job stop behind its present batch, and stay so until `resume`. False where it did not run."""
    return _changed(places, name, state.pause)


def resume(places: Sequence[Place], name: str) -> bool:
    """Let a paused job be run again. False where it was not paused."""
    return _changed(places, name, state.unpause)


def _first_open(
    places: Sequence[Place], walk: float, statement: float, report: Report, now: Callable[[], float]
) -> Piece:
    jobs = [job for found in standing(places).values() for job in found if job.state != "done"]
    paused = {job.service for job in jobs if job.state == "paused"}
    # A paused job is left alone, and so is what may have to wait for it.
    ready = [job for job in jobs if job.service not in paused]
    if not ready:
        return Piece("end", "paused" if paused else "done")
    piece = run_piece(places, ready[0].name, walk=walk, statement=statement, report=report, now=now)
    # Behind one that is done there may be another; one that was paused meanwhile is not asked again.
    return msgspec.structs.replace(piece, next="again") if piece.state == "done" else piece


def _instead(refused: OperatorError, name: str, *, further: bool) -> Piece:
    """What a refusal means for the next piece. Raises it where another piece would meet the same."""
    if refused.code == "job_running":
        return Piece("later", "running", name)
    if refused.code == "job_paused":
        return Piece("end", "paused", name)
    if refused.code == "migration_deadline":
        if further:
            return Piece("again", "stopped", name)
        raise AuthorError(
            f"{name}: one of its statements takes longer than a function may run, and nothing of it was kept",
            fix="run it where nothing ends it, from a machine in the network:"
            f" lamppost migrate job run {name} --postgres URL",
            code="job_too_long",
        ) from refused
    raise refused


def _place(places: Sequence[Place], name: str) -> Place:
    jobs = {one.name: place for place in places for one in place.bundle.migrations if one.job is not None}
    if name not in jobs:
        raise AuthorError(
            f"{name!r} is no job among these files",
            fix=f"name one of: {', '.join(jobs) or '(there are none)'}",
            code="job_unknown",
        )
    return jobs[name]


def _statements(place: Place, name: str) -> int:
    """How many statements of an unfinished file are done."""
    with connected(place.conninfo) as connection:
        return next((row.statements or 0 for row in ledger.read(connection) if row.name == name), 0)


def _changed(places: Sequence[Place], name: str, change: Callable[[ledger.Connection, str], bool]) -> bool:
    place = _place(places, name)
    with connected(place.conninfo) as connection:
        role = sql.Identifier(roles(place.database).migrator)
        connection.execute(sql.SQL("set role {}").format(role))
        return name in state.read(connection) and change(connection, name)
