"""One database's files on a throw-away server: some only applied, the others watched while they run."""

import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from lamppost.errors import AuthorError
from lamppost.migrate import header
from lamppost.migrate.apply import apply
from lamppost.migrate.files import LOOSE, PLATFORM, Bundle, Migration
from lamppost.migrate.lint.facts import Known
from lamppost.migrate.lint.file import lint_file
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.options import Options
from lamppost.migrate.plan import plan
from lamppost.migrate.rehearse import trace
from lamppost.migrate.rehearse.compare import contradictions
from lamppost.migrate.rehearse.report import DatabaseReport, FileReport
from lamppost.migrate.rehearse.seed import Seeder
from lamppost.migrate.rehearse.seen import Failed, Traced
from lamppost.migrate.rehearse.watch import Connection
from lamppost.migrate.replay import at_once, concrete
from lamppost.migrate.risk import judge
from lamppost.migrate.sizes import survey

# What runs longer on made-up rows would run for hours on real ones, or waits for something.
LONGEST = 30.0
_PLACE = re.compile(r"^(?P<name>[^:\n]+):(?P<line>\d+): (?P<rest>.*)", re.DOTALL)


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """The prepared database: `conninfo` as a superuser, `role` owns the tables, `pg` is the version."""

    database: str
    conninfo: str
    role: str | None
    pg: str
    rows: int = 20_000


def rehearse(
    stage: Stage,
    bundle: Bundle,
    *,
    judged: frozenset[str],
    paths: Mapping[str, Path],
    report: Callable[[FileReport], None],
) -> DatabaseReport:
    """Apply all of `bundle` in order; watch those named in `judged` and compare them with their foretelling.

    `paths` says where each file lies. `report` hears of each judged file when it is done. A file that fails
    ends the rehearsal, as it would end a deploy; what follows it is listed as not reached.
    """
    run = _Run(stage, bundle, paths)
    try:
        return run.all(judged, report)
    finally:
        run.close()


class _Run:
    """The rehearsal of one database, file after file."""

    def __init__(self, stage: Stage, bundle: Bundle, paths: Mapping[str, Path]) -> None:
        self._stage = stage
        self._bundle = bundle
        self._admin: Connection = psycopg.connect(stage.conninfo, autocommit=True)
        self._paths = paths
        self._seeder = Seeder(self._admin, stage.rows)
        self._in: list[Migration] = []

    def close(self) -> None:
        """Let go of the database."""
        self._admin.close()

    def all(self, judged: frozenset[str], report: Callable[[FileReport], None]) -> DatabaseReport:
        """Every file in order."""
        found: list[FileReport] = []
        waiting: list[Migration] = []
        for migration in self._bundle.migrations:
            if migration.name not in judged:
                waiting.append(migration)
                continue
            self._apply(waiting)
            waiting = []
            found.append(self._judge(migration))
            report(found[-1])
            if found[-1].failed is not None:
                break
        else:
            self._apply(waiting)
        reached = {one.name for one in self._in} | {one.name for one in found}
        return DatabaseReport(
            database=self._stage.database,
            applied=tuple(one.name for one in self._in if one.name not in judged),
            files=tuple(found),
            unreached=tuple(one.name for one in self._bundle.migrations if one.name not in reached),
            unseeded=self._seeder.unseeded,
            again=self._again() if len(reached) == len(self._bundle.migrations) else (),
        )

    def _again(self) -> tuple[str, ...]:
        """The files that a second run would want to apply."""
        return tuple(one.name for one in plan(self._admin, self._as_applied(self._in)).pending)

    def _judge(self, migration: Migration) -> FileReport:
        began = time.perf_counter()
        self._seeder.fill()
        facts = survey(self._stage.conninfo)
        path = self._paths[migration.name]
        service = None if migration.service == LOOSE else migration.service
        options = Options(service=service, pg=self._stage.pg)
        findings = [] if service == PLATFORM else lint_file(path, options, Known(facts))
        traced = self._traced(migration)
        failed, notes = traced.failed, list[str]()
        if failed is None or failed.data:
            refused, notes = self._applied(migration)
            failed = refused
        risk = judge(migration, facts, pg=self._stage.pg)
        allowed = _allowed(migration, options, Known(facts))
        return FileReport(
            name=migration.name,
            statements=traced.statements,
            findings=tuple(findings),
            contradictions=tuple(contradictions(traced.statements, risk, findings, allowed)),
            failed=failed,
            notes=tuple(notes),
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
        )

    def _traced(self, migration: Migration) -> Traced:
        migration = concrete(self._admin, migration)
        if migration.in_transaction:
            with self._as_owner(self._stage.conninfo) as connection:
                return trace.in_transaction(connection, migration, self._seeder.rows)
        with (
            self._copy() as conninfo,
            closing(psycopg.connect(conninfo, autocommit=True)) as admin,
            self._as_owner(conninfo) as connection,
        ):
            return trace.one_by_one(connection, admin, migration, self._stage.role, self._seeder.rows)

    @contextmanager
    def _as_owner(self, conninfo: str) -> Iterator[Connection]:
        with closing(psycopg.connect(conninfo, autocommit=True)) as connection:
            connection.execute("select set_config('statement_timeout', %s, false)", (f"{LONGEST:.0f}s",))
            if self._stage.role is not None:
                connection.execute(sql.SQL("set role {}").format(sql.Identifier(self._stage.role)))
            yield connection

    @contextmanager
    def _copy(self) -> Iterator[str]:
        """A copy of the database as it stands, gone afterwards."""
        name = f"copy_{secrets.token_hex(6)}"
        with closing(
            psycopg.connect(make_conninfo(self._stage.conninfo, dbname="postgres"), autocommit=True)
        ) as server:
            words = {
                "copy": sql.Identifier(name),
                "original": sql.Identifier(self._stage.database),
                # Whoever owns a database may create in its schema public.
                "owner": sql.Identifier(self._stage.role) if self._stage.role else sql.SQL("current_user"),
            }
            # A template must have no other session, so ours steps out meanwhile.
            self._admin.close()
            server.execute(
                sql.SQL("create database {copy} owner {owner} template {original} strategy file_copy").format(
                    **words
                )
            )
            self._admin = psycopg.connect(self._stage.conninfo, autocommit=True)
            self._seeder.move(self._admin)
            try:
                yield make_conninfo(self._stage.conninfo, dbname=name)
            finally:
                server.execute(sql.SQL("drop database {copy} with (force)").format(**words))

    def _applied(self, migration: Migration) -> tuple[Failed | None, list[str]]:
        """Apply it as a deploy would. Rows that we made up give way where they are what is wrong."""
        notes: list[str] = []
        for _ in range(20):
            try:
                self._apply([migration])
            except AuthorError as refused:
                table = _violated(refused)
                if table and self._seeder.empty(table):
                    notes.append(
                        f"the rows made up for {table} do not satisfy it; it was applied without them"
                    )
                    continue
                return _failure(migration, refused), notes
            return None, notes
        return Failed(1, "it fails again and again", ""), notes

    def _apply(self, migrations: list[Migration]) -> None:
        if migrations:
            wanted = self._as_applied([*self._in, *(concrete(self._admin, one) for one in migrations)])
            apply(
                self._stage.conninfo,
                wanted,
                role=self._stage.role,
                allow_late=True,
                statement_timeout=LONGEST,
            )
            self._in += migrations

    def _as_applied(self, migrations: list[Migration]) -> Bundle:
        return Bundle(tuple(map(at_once, migrations)), self._bundle.services)


def _allowed(migration: Migration, options: Options, before: Known) -> list[Finding]:
    """What lint would say if the header allowed nothing."""
    allowances = {one.line for one in header.read(migration.text).allowances}
    if not allowances:
        return []
    lines = migration.text.split("\n")
    bare = "\n".join("--" if number in allowances else line for number, line in enumerate(lines, 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / migration.name
        path.write_text(bare)
        return lint_file(path, options, before)


def _violated(refused: AuthorError) -> str:
    """The table whose rows broke a constraint, if that is what happened."""
    cause = refused.__cause__
    if isinstance(cause, psycopg.errors.IntegrityError) and cause.sqlstate in trace.OF_DATA:
        return f"{cause.diag.schema_name}.{cause.diag.table_name}"
    return ""


def _failure(migration: Migration, refused: AuthorError) -> Failed:
    found = _PLACE.match(refused.what)
    cause = refused.__cause__
    code = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    if found and found["name"] == migration.name:
        return Failed(int(found["line"]), found["rest"], code or refused.code)
    return Failed(1, refused.what.removeprefix(f"{migration.name}: "), code or refused.code)
