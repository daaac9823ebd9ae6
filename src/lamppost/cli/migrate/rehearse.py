"""`lamppost migrate rehearse`: run the files where they hurt nobody, and see what they do."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lamppost.cli.migrate.targets import counted
from lamppost.cli.output import safe, show, wants_json
from lamppost.cli.running import Json

if TYPE_CHECKING:
    from lamppost.migrate.rehearse.report import DatabaseReport, FileReport, Rehearsal
    from lamppost.migrate.rehearse.seen import Seen

Paths = Annotated[
    Path, Parameter(help="A folder of migration files, or files of one; without it, the repository's.")
]
Rows = Annotated[int, Parameter(help="How many rows to make up for each empty table.")]
Source = Annotated[
    str | None, Parameter(name="--from", help="A live server's URL: what its ledger has is not judged again.")
]
Changed = Annotated[str | None, Parameter(help="Judge only files that differ from this git revision.")]
Programs = Annotated[
    Path | None, Parameter(name="--pg-bin", help="The bin folder of the PostgreSQL to rehearse on.")
]


def rehearse(
    *paths: Paths,
    rows: Rows = 20_000,
    source: Source = None,
    changed: Changed = None,
    pg_bin: Programs = None,
    json: Json = False,
) -> int:
    """Apply the files on a throw-away PostgreSQL with made-up rows, and see what they lock and read."""
    from lamppost.cli.migrate.rehearsed import plays, prepare, version_of
    from lamppost.local.postgres import throwaway
    from lamppost.migrate.rehearse.rehearsal import Stage
    from lamppost.migrate.rehearse.rehearsal import rehearse as run
    from lamppost.migrate.rehearse.report import Rehearsal

    began = time.monotonic()
    found: list[DatabaseReport] = []
    quiet = wants_json(json)

    def report(file: "FileReport") -> None:
        if not quiet:
            print(safe(_file_words(file)), flush=True)

    wanted = plays(paths, changed, source)
    with _ended_by_sigterm(), throwaway.server(pg_bin) as cluster:
        for play in wanted:
            role = prepare(cluster, play)
            stage = Stage(
                database=play.database,
                conninfo=cluster.dsn(play.database),
                role=role,
                pg=version_of(cluster, None),
                rows=rows,
            )
            found.append(run(stage, play.bundle, judged=play.judged, paths=play.paths, report=report))
        server = cluster.version
    blocks = any(one.blocks for one in found)
    seconds = round(time.monotonic() - began, 2)
    value = Rehearsal(
        server=server,
        rows=rows,
        databases=tuple(found),
        verdict="block" if blocks else "pass",
        seconds=seconds,
    )
    show(value, lambda: safe(_words(value)), as_json=json)
    return 1 if blocks else 0


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let a polite end clean up as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _file_words(file: "FileReport") -> str:
    lines = [f"{'BLOCK' if file.blocks else 'ok':<6} {file.name}  ({file.milliseconds:,.0f} ms)"]
    for seen in file.statements:
        if what := _seen_words(seen):
            lines += [f"  {seen.line:>4}  {seen.text}", f"        {what}"]
    lines += [f"  lint  line {one.line}: {one.rule}: {one.message}" for one in file.findings]
    for one in file.contradictions:
        mark = "CONTRADICTION" if one.worse else "contradiction"
        lines += [f"  {mark} line {one.line}: {one.text}", f"        {one.who} said: {one.said}"]
        lines.append(f"        PostgreSQL: {one.did}")
    if file.failed:
        lines.append(f"  FAILED line {file.failed.line}: {file.failed.message} ({file.failed.code})")
    lines += [f"  note  {note}" for note in file.notes]
    return "\n".join(lines)


def _seen_words(seen: "Seen") -> str:
    words = [f"{mode} on {table}" for table, mode in seen.locks]
    words += [f"{table} written anew" for table in seen.rewrites]
    words += [f"{table} emptied" for table in seen.emptied]
    words += [f"{count:,} rows of {table} read" for table, count in seen.scans]
    words += [f"{count:,} rows of {table} changed" for table, count in seen.changes]
    if words and (seen.scans or seen.rewrites) and seen.waits != "nobody":
        words.append(f"{seen.waits} wait{'s' if seen.waits == 'everybody' else ''} for {seen.held}")
    return f"{'; '.join(words)} ({seen.milliseconds:,.1f} ms)" if words else ""


def _words(value: "Rehearsal") -> str:
    lines: list[str] = []
    for database in value.databases:
        lines += [
            f"{database.database}: no rows could be made up for {table}: {why}"
            for table, why in database.unseeded.items()
        ]
        lines += [f"{database.database}: not reached: {name}" for name in database.unreached]
        lines += [f"{database.database}: a second run would apply {name} again" for name in database.again]
    files = [file for database in value.databases for file in database.files]
    worse = sum(one.worse for file in files for one in file.contradictions)
    milder = sum(len(file.contradictions) for file in files) - worse
    bad = sum(file.blocks for file in files)
    verdict = "BLOCK" if value.verdict == "block" else "pass"
    lines.append(
        f"{verdict}: {counted(len(files), 'file')} rehearsed on PostgreSQL {value.server} with"
        f" {value.rows:,} rows a table in {value.seconds:.1f} s; {bad} blocked,"
        f" {worse} worse than foretold, {counted(milder, 'other contradiction')}"
    )
    return "\n".join(lines)
