"""A release brought into its databases: all of them or none is touched, and what is too heavy is a job's."""

import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lamppost.errors import LamppostError
from lamppost.migrate import rollouts
from lamppost.migrate.files import Bundle, discover
from lamppost.migrate.rollout import Place, Rollout, record_live, roll_out

NAME = "2025-01-{day:02d}T0000__{service}__{about}.sql"


class System:
    """A repository's files and the databases they are for."""

    def __init__(self, server: str, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.databases: dict[str, tuple[str, ...]] = {}

    def write(self, service: str, day: int, about: str, text: str) -> Path:
        path = self.folder / service / NAME.format(day=day, service=service, about=about)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def bundle(self, database: str) -> Bundle:
        return discover([(service, self.folder / service) for service in self.databases[database]])

    def places(self) -> list[Place]:
        return [
            Place(name, self.bundle(name), self.conninfo(name), self.server, "word")
            for name in self.databases
        ]

    def conninfo(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(self.server, dbname=database)

    def digest(self) -> str:
        return rollouts.digest_of(place.bundle for place in self.places())

    def roll_out(self, digest: str | None = None, **how: Any) -> Rollout:
        return roll_out(self.places(), digest=digest or self.digest(), report=lambda _: None, **how)

    def refused(self, digest: str | None = None, **how: Any) -> LamppostError:
        with pytest.raises(LamppostError) as refusal:
            self.roll_out(digest, **how)
        return refusal.value

    def ask(self, database: str, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def system(postgres_cluster: Any, tmp_path: Path) -> Iterator[System]:
    """Two databases that nobody has made yet: shop and crew in the first, zoo in the second."""
    made = System(postgres_cluster.dsn("postgres"), tmp_path)
    tag = secrets.token_hex(3)
    made.databases = {f"one_{tag}": ("shop", "crew"), f"two_{tag}": ("zoo",)}
    made.write("shop", 1, "cats", "create table shop.cats (id int primary key, name text)")
    made.write("zoo", 1, "apes", "create table zoo.apes (id int primary key)")
    yield made
    with psycopg.connect(made.server, autocommit=True) as admin:
        for name in made.databases:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            for role in (f"{name}_migrator", f"{name}_app"):
                admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(role)))


@pytest.fixture
def one(system: System) -> str:
    return next(iter(system.databases))


@pytest.fixture
def two(system: System) -> str:
    return list(system.databases)[1]


def test_the_first_release_makes_its_databases_and_the_second_time_changes_nothing(
    system: System, one: str, two: str
) -> None:
    first = system.roll_out()
    assert {name.split("__")[1] for name in first.applied} == {"lamppost", "shop", "zoo"}
    again = system.roll_out()
    assert (again.applied, again.head) == ((), first.head)
    assert set(first.head) == {one, two}


def test_a_file_refused_in_one_database_leaves_the_other_as_it_was(system: System, one: str) -> None:
    system.roll_out()
    system.write("shop", 2, "dogs", "create table shop.dogs (id int)")
    system.write("zoo", 1, "apes", "create table zoo.apes (id bigint primary key)")
    assert system.refused().code == "migration_edited"
    assert system.ask(one, "select to_regclass('shop.dogs')") == [(None,)]


def test_going_back_needs_nothing_whichever_package_is_asked(system: System) -> None:
    system.roll_out()
    before = system.digest()
    new = system.write("shop", 2, "dogs", "create table shop.dogs (id int)")
    system.roll_out()
    assert system.roll_out(before).applied == ()
    new.unlink()
    assert system.roll_out(before).applied == ()


def test_a_release_that_was_only_half_brought_in_is_not_known(system: System) -> None:
    system.roll_out()
    system.write("shop", 2, "dogs", "create table shop.dogs (id int)")
    bad = system.write("zoo", 2, "bad", "create table zoo.bad (id int); select 1 / 0")
    half = system.digest()
    assert system.refused().code == "migration_failed"
    bad.write_text("select 1")
    assert system.refused(half).code == "migrator_digest"


def test_a_package_without_migrations_is_refused_though_it_lacks_nothing(system: System) -> None:
    system.roll_out()
    for path in system.folder.rglob("*.sql"):
        path.unlink()
    assert system.refused().code == "migrator_empty"


def test_a_service_whose_files_are_all_gone_is_refused(system: System) -> None:
    system.roll_out()
    next((system.folder / "zoo").glob("*.sql")).unlink()
    refusal = system.refused()
    assert refusal.code == "migrator_empty"
    assert "'zoo'" in refusal.what


def fill(system: System, database: str, rows: int) -> None:
    # One transaction: a session that ends tells of its rows a moment later, and they would be counted twice.
    insert = f"insert into shop.cats select n, 'cat' from generate_series(1, {rows}) n"
    system.ask(database, f"{insert}; analyze shop.cats")


HEAVY = {
    "rewrite": "alter table shop.cats alter column id type bigint",
    "scan": "alter table shop.cats add constraint named check (name is not null)",
    "write": "update shop.cats set name = upper(name)",
    "index": "-- lamppost: no-transaction\ncreate index concurrently cats_name on shop.cats (name)",
    "unreadable": "do $$ begin execute (select coalesce(max(name), 'select 1') from shop.cats); end $$",
}


@pytest.mark.parametrize("statement", HEAVY.values(), ids=HEAVY)
def test_what_would_keep_a_large_table_busy_is_refused_and_the_job_named(
    system: System, one: str, statement: str
) -> None:
    system.roll_out()
    fill(system, one, 300)
    path = system.write("shop", 2, "heavy", statement)
    refusal = system.refused(limit_rows=200)
    assert refusal.code == "migrator_heavy"
    assert f"lamppost migrate job run {path.name}" in refusal.fix
    assert path.name not in str(system.ask(one, "select name from public.schema_migrations"))


@pytest.mark.parametrize("kind", ["rewrite", "scan", "write", "index"])
def test_the_same_on_a_small_table_is_applied(system: System, one: str, kind: str) -> None:
    system.roll_out()
    fill(system, one, 150)
    system.write("shop", 2, "light", HEAVY[kind])
    assert len(system.roll_out(limit_rows=200).applied) == 1


@pytest.mark.parametrize(("rows", "light"), [(5, True), (5_000, False)])
def test_a_table_that_nobody_has_counted_weighs_what_its_pages_hold(
    system: System, one: str, rows: int, light: bool
) -> None:
    system.roll_out()
    system.ask(one, f"insert into shop.cats select n, 'cat' from generate_series(1, {rows}) n")
    system.ask(one, "select pg_stat_reset()")
    system.write("shop", 2, "scan", HEAVY["scan"])
    if light:
        assert len(system.roll_out(limit_rows=1_000).applied) == 1
    else:
        assert system.refused(limit_rows=1_000).code == "migrator_heavy"


def test_an_author_may_answer_for_what_cannot_be_read_beforehand(system: System) -> None:
    system.roll_out()
    allowance = "-- lamppost: allow unreadable-at-lint, the table is empty\n"
    system.write("shop", 2, "heavy", allowance + HEAVY["unreadable"])
    assert len(system.roll_out().applied) == 1


def test_a_service_that_is_new_is_not_weighed(system: System, one: str) -> None:
    system.roll_out()
    fill(system, one, 300)
    system.write("crew", 2, "all", "create table crew.copies as select * from shop.cats")
    assert len(system.roll_out(limit_rows=200).applied) == 1


def test_a_server_that_is_not_there_is_said_within_seconds(system: System) -> None:
    places = [
        Place("shop", discover([]), "postgresql://a@127.0.0.1:1/b", "postgresql://a@127.0.0.1:1/b", "x")
    ]
    with pytest.raises(LamppostError) as refusal:
        roll_out(places, digest="of another release", report=lambda _: None)
    assert refusal.value.code == "database_unavailable"


def test_the_digest_changes_with_any_byte_and_not_with_the_order(system: System) -> None:
    first = system.digest()
    system.databases = dict(reversed(system.databases.items()))
    assert system.digest() == first
    system.write("zoo", 1, "apes", "create table zoo.apes (id int primary key )")
    assert system.digest() != first


CONTRACT = "-- lamppost: phase contract\nalter table shop.cats drop column name"


def test_a_contract_file_waits_until_the_code_that_needs_it_no_more_was_live(
    system: System, one: str
) -> None:
    system.roll_out()
    system.write("shop", 2, "less", CONTRACT)
    assert system.refused(soak=timedelta(hours=1)).code == "migration_contract_early"
    head = NAME.format(day=1, service="shop", about="cats")
    record_live(system.places(), {"shop": head}, digest="the release before")
    assert system.refused(soak=timedelta(hours=1)).code == "migration_contract_early"
    system.ask(one, "update public.schema_migrations set applied_at = applied_at - interval '2 hours'")
    system.ask(one, "update public.schema_releases set live_at = live_at - interval '61 minutes'")
    assert len(system.roll_out(soak=timedelta(hours=1)).applied) == 1


def test_a_release_is_noted_live_once_and_going_back_is_another(system: System, one: str) -> None:
    system.roll_out()
    for digest in ("new", "new", "old"):
        record_live(system.places(), {"shop": f"{digest}.sql"}, digest=digest)
    assert system.ask(one, "select head from public.schema_releases order by id") == [
        ("new.sql",),
        ("old.sql",),
    ]


def test_a_service_that_no_database_knows_is_not_noted(system: System) -> None:
    system.roll_out()
    with pytest.raises(LamppostError) as refusal:
        record_live(system.places(), {"moon": "x.sql"}, digest="d")
    assert refusal.value.code == "migrator_request"


def test_a_small_job_goes_along_and_a_contract_behind_it_too(system: System, one: str) -> None:
    system.roll_out()
    job = "-- lamppost: job shop.cats by id\nupdate shop.cats set name = 'x' where id between $1 and $2"
    system.write("shop", 2, "fill", job)
    system.write("shop", 3, "less", CONTRACT)
    assert len(system.roll_out().applied) == 2


def test_without_time_nothing_more_is_begun(system: System, one: str) -> None:
    system.roll_out()
    system.write("shop", 2, "dogs", "create table shop.dogs (id int)")
    assert system.refused(seconds=0.0).code == "migration_deadline"
    assert system.ask(one, "select to_regclass('shop.dogs')") == [(None,)]
