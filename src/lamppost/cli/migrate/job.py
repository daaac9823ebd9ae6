"""`lamppost migrate job`: backfills and heavy DDL, outside the deploy."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from lamppost.cli.migrate.job_words import calls, facts, listed, told
from lamppost.cli.migrate.targets import Folder, Postgres, Target, connected, counted, targets
from lamppost.cli.output import show, wants_json
from lamppost.cli.running import DEFAULT_DATA, Data, Json
from lamppost.errors import AuthorError, OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from lamppost.migrate.files import Migration
    from lamppost.migrate.jobs.run import Job, JobOutcome

job = App(name="job", help="Backfills and heavy DDL, run beside the traffic instead of in a deploy.")

INTERRUPTED = 130

Name = Annotated[str, Parameter(help="The job's file, or a part of its name that no other job has.")]
Batch = Annotated[int | None, Parameter(help="How many rows the first batch takes; then they adapt.")]
Seconds = Annotated[float, Parameter(help="How many seconds a batch should take.")]
Limit = Annotated[
    list[str] | None,
    Parameter(
        help="Another limit of a signal: replica-lag=30, old-transaction=off. Signals: replica-lag,"
        " replica-behind, vacuum, old-transaction, lock-queue, wal-rate."
    ),
]
Throttle = Annotated[bool, Parameter(help="Wait while a signal is over its limit.")]
OnStage = Annotated[
    str | None, Parameter(name="--stage", help="A stage on AWS, where its migrator runs the job in pieces.")
]
Events = Annotated[bool, Parameter(negative=(), help="Print what happens, one JSON object a line.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Pace:
    """How a job is run: options of `run` and of `resume`."""

    batch: Batch = None
    target: Seconds = 0.5
    limit: Limit = None
    throttle: Throttle = True
    events: Events = False


USUAL = Pace()


@job.command(name="list")
def list_(
    folder: Folder = None,
    /,
    *,
    stage: OnStage = None,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    json: Json = False,
) -> int:
    """Every job, and how far it is."""
    found = _here(folder, data, postgres) if stage is None else _there(stage, postgres).jobs(stage)
    rows = [(database, one) for database, jobs in found.items() for one in jobs]
    value = {"jobs": [{"database": database, **facts(one)} for database, one in rows]}
    show(value, lambda: listed(rows), as_json=json)
    return 0


@job.command
def run(
    name: Name,
    folder: Folder = None,
    /,
    *,
    pace: Pace = USUAL,
    stage: OnStage = None,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    json: Json = False,
) -> int:
    """Run a job, or go on with it. Ctrl-C ends it behind the present batch; again cancels that.

    With --stage it is run there, and this command does not wait for it.
    """
    if stage is not None:
        return _start(stage, name, pace, postgres, json=json, resume=False)
    where = _find(name, folder, data, postgres)
    return _run(where, pace, json=json, resume=False)


@job.command
def resume(
    name: Name,
    folder: Folder = None,
    /,
    *,
    pace: Pace = USUAL,
    stage: OnStage = None,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    json: Json = False,
) -> int:
    """Go on with a job that was paused."""
    if stage is not None:
        return _start(stage, name, pace, postgres, json=json, resume=True)
    where = _find(name, folder, data, postgres)
    return _run(where, pace, json=json, resume=True)


@job.command
def pause(
    name: Name,
    folder: Folder = None,
    /,
    *,
    stage: OnStage = None,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    json: Json = False,
) -> int:
    """Stop a job behind its present batch, wherever it runs, and keep it from running until `resume`."""
    from lamppost.migrate.jobs import state

    if stage is not None:
        held = _there(stage, postgres).pause(stage, name)
        words = f"{held.name} stops behind its present batch in {stage}, and is paused"
        show({"job": held.name, "state": "paused", "stage": stage}, lambda: words, as_json=json)
        return 0
    target, migration = _find(name, folder, data, postgres)
    if migration.job is not None and migration.job.walk is None:
        raise OperatorError(
            f"{migration.name} is no walk, and has no batches to stop between",
            fix="press Ctrl-C twice where it runs, or: select pg_cancel_backend(pid)",
            code="job_pause",
        )
    with connected(target) as connection:
        found = _one(connection, target, migration)
        _own(connection, target)
        if found.state != "paused" and not (found.progress and state.pause(connection, migration.name)):
            raise OperatorError(
                f"{migration.name} is {found.state}, and so nothing is to be paused",
                fix="see lamppost migrate job list",
                code="job_pause",
            )
    after = f"; pid {found.pid} stops behind its present batch" if found.pid else ""
    show(
        {"job": migration.name, "state": "paused", "pid": found.pid},
        lambda: f"{migration.name} is paused{after}",
        as_json=json,
    )
    return 0


@job.command
def status(
    name: Name,
    folder: Folder = None,
    /,
    *,
    stage: OnStage = None,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    json: Json = False,
) -> int:
    """How far one job is, what it waits for, and why it failed."""
    if stage is not None:
        database, there = _there(stage, postgres).one(stage, name)
        show({"database": database, **facts(there)}, lambda: told(there), as_json=json)
        return 0
    target, migration = _find(name, folder, data, postgres)
    with connected(target) as connection:
        found = _one(connection, target, migration)
    show({"database": target.database, **facts(found)}, lambda: told(found), as_json=json)
    return 0


@job.command
def restart(
    name: Name,
    folder: Folder = None,
    /,
    *,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    json: Json = False,
) -> int:
    """Forget how far a job is: its next run begins at the first key, with the file as it reads then."""
    from lamppost.migrate.jobs import state
    from lamppost.migrate.jobs.session import locked

    target, migration = _find(name, folder, data, postgres)
    with connected(target) as connection, locked(connection, migration.name, wait=0):
        found = _one(connection, target, migration)
        if found.state == "done" or (migration.job is not None and migration.job.walk is None):
            raise OperatorError(
                f"{migration.name} is {found.state}, and the ledger says what ran of it",
                fix="see lamppost migrate status, and repair",
                code="job_restart",
            )
        _own(connection, target)
        forgotten = found.progress is not None and state.forget(connection, migration.name)
    show(
        {"job": migration.name, "forgotten": forgotten},
        lambda: f"{migration.name} begins at the first key: lamppost migrate job run {migration.name}",
        as_json=json,
    )
    return 0


def _here(folder: Path | None, data: Path, postgres: str | None) -> "Mapping[str, Sequence[Job]]":
    from lamppost.migrate.jobs.run import all_jobs

    found: dict[str, tuple[Job, ...]] = {}
    for target in targets(folder, data, postgres):
        with connected(target) as connection:
            found[target.database] = all_jobs(connection, target.bundle)
    return found


def _there(stage: str, postgres: str | None) -> "ModuleType":
    """How a stage on AWS is asked."""
    from lamppost.cli.migrate import job_stage

    if postgres is not None:
        raise OperatorError(
            f"--stage {stage} and --postgres name two places", fix="leave one of them out", code="job_place"
        )
    return job_stage


def _start(stage: str, name: str, pace: Pace, postgres: str | None, *, json: bool, resume: bool) -> int:
    if pace != USUAL:
        raise OperatorError(
            f"in {stage} the migrator goes at a pace of its own",
            fix="leave --batch, --target, --limit, --no-throttle and --events out",
            code="job_place",
        )
    begun, execution = _there(stage, postgres).start(stage, name, resume=resume)
    words = f"{begun.name} is done in {stage}"
    if execution is not None:
        words = (
            f"{begun.name} is run in {stage}, piece by piece ({execution})\n"
            f"  how far: lamppost migrate job status {begun.name} --stage {stage}"
        )
    show({"job": begun.name, "stage": stage, "execution": execution}, lambda: words, as_json=json)
    return 0


def _run(where: "tuple[Target, Migration]", pace: Pace, *, json: bool, resume: bool) -> int:
    from lamppost.cli.migrate.job_view import view
    from lamppost.cli.migrate.stopping import Stopping
    from lamppost.migrate.jobs.batch import Manner
    from lamppost.migrate.jobs.run import run_job
    from lamppost.migrate.jobs.signals import limits

    target, migration = where
    changed = limits(dict(_limit(text) for text in pace.limit or ()))
    manner = Manner(target=pace.target, batch=pace.batch, limits=changed if pace.throttle else None)
    stopping = Stopping()
    with stopping, view(stopping.came, events=pace.events, quiet=wants_json(json)) as shown:
        try:
            ended = run_job(
                target.conninfo,
                target.bundle,
                migration.name,
                role=target.role,
                report=shown.hear,
                stop=stopping.came,
                resume=resume,
                manner=manner,
            )
        except KeyboardInterrupt:
            ended = None
    if ended is None:
        words = f"cancelled, as asked for; go on: lamppost migrate job run {migration.name}"
        show({"name": migration.name, "state": "cancelled"}, lambda: words, as_json=json)
        return INTERRUPTED
    _verdict(ended, events=pace.events, json=json)
    return {"done": 0, "paused": 1, "stopped": INTERRUPTED}[ended.state]


def _verdict(ended: "JobOutcome", *, events: bool, json: bool) -> None:
    import msgspec

    if events:
        print(msgspec.json.encode({"type": "Ended", **msgspec.to_builtins(ended)}).decode(), flush=True)
        return
    rows = f"{ended.rows_done:,} rows in {counted(ended.batches, 'batch')}".replace("batchs", "batches")
    words = {
        "done": f"{ended.name} is done" + (f": {rows}" if ended.batches else ""),
        "paused": f"{ended.name} was paused after {rows}; go on: lamppost migrate job resume {ended.name}",
        "stopped": f"{ended.name} stopped after {rows}; go on: lamppost migrate job run {ended.name}",
    }
    show(ended, lambda: words[ended.state], as_json=json)


def _limit(text: str) -> tuple[str, float | None]:
    name, _, value = text.partition("=")
    try:
        return name, None if value == "off" else float(value)
    except ValueError as wrong:
        raise AuthorError(
            f"--limit {text} says no number",
            fix="write --limit replica-lag=30, or =off to leave it unwatched",
            code="job_signal",
        ) from wrong


def _find(name: str, folder: Path | None, data: Path, postgres: str | None) -> "tuple[Target, Migration]":
    """The one job that is meant, and its database."""
    every = [
        (target, migration)
        for target in targets(folder, data, postgres)
        for migration in target.bundle.migrations
    ]
    jobs = [(target, migration) for target, migration in every if migration.job is not None]
    exact = [pair for pair in jobs if name.removesuffix(".sql") in calls(pair[1].name)]
    found = exact or [pair for pair in jobs if name in pair[1].name]
    if len(found) == 1:
        return found[0]
    known = ", ".join(migration.name for _, migration in (found or jobs)) or "(none here)"
    if any(name in (migration.name, migration.name.removesuffix(".sql")) for _, migration in every):
        what = f"{name} is no job: lamppost migrate apply runs it"
    else:
        what = f"{name!r} is the name of {counted(len(found), 'job') if found else 'no job'}"
    raise OperatorError(what, fix=f"name one of: {known}", code="job_unknown")


def _one(connection: Any, target: Target, migration: "Migration") -> "Job":
    from lamppost.migrate.jobs.run import all_jobs

    return next(one for one in all_jobs(connection, target.bundle) if one.name == migration.name)


def _own(connection: Any, target: Target) -> None:
    from psycopg import sql

    if target.role is not None:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(target.role)))
