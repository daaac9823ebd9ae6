"""kill -9 at every request of a mixed bundle: a second run finishes it, or says exactly what may have run."""

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from lamppost.errors import OperatorError
from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle, discover
from lamppost.migrate.provision import provision, roles
from lamppost.migrate.repair import settle
from tests.faults.cutting_proxy import CuttingProxy

HEAD = "-- lamppost: no-transaction\n"
FILES = {
    "2025-01-01T0000__shop__cats": "create table shop.cats (id int, name text);\n"
    "insert into shop.cats select i, 'cat ' || i from generate_series(1, 50) i;\n"
    "do $$ begin update shop.cats set name = name || '!' where id = 7; end $$",
    "2025-01-02T0000__users__parts": "create table users.logs (id int) partition by range (id);\n"
    "create table users.old partition of users.logs for values from (0) to (10);\n"
    "create procedure users.fill() language plpgsql as"
    " $$ begin insert into users.logs values (1); commit; insert into users.logs values (2); end $$",
    "2025-01-03T0000__shop__steps": f"{HEAD}set search_path = shop;\n"
    "insert into cats values (100, 'dml');\n"
    "create index concurrently cats_id on cats (id);\n"
    "create index concurrently if not exists cats_name on shop.cats (name);\n"
    "do $$ begin update shop.cats set name = name || '.' where id = 3; end $$;\n"
    "reindex index concurrently shop.cats_id;\n"
    "drop index concurrently shop.cats_name;\n"
    "vacuum shop.cats;\n"
    "update cats set name = name || '?' where id = 100",
    "2025-01-04T0000__users__calls": f"{HEAD}call users.fill();\n"
    "alter table users.logs detach partition users.old concurrently",
    "2025-01-05T0000__shop__last": "alter table shop.cats add column seen bool",
}
STATE = """
select (select array_agg(format('%s %s %s %s', n.nspname, c.relname, c.relkind, i.indisvalid)
                         order by n.nspname, c.relname)
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
          left join pg_index i on i.indexrelid = c.oid
         where n.nspname in ('shop', 'users', 'public')),
       (select array_agg(c.*::text order by c.id, c.name) from shop.cats as c),
       (select array_agg(id order by id) from users.old),
       (select count(*) from users.logs),
       (select array_agg(format('%s %s %s %s', name, sha256, statements, running) order by id)
          from public.schema_migrations)
"""
# Every other point in an ordinary run, and each in a long one.
STRIDE = 1 if os.environ.get("LAMPPOST_LONG") else 2


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("services")
    for name, text in FILES.items():
        place = folder / name.split("__")[1]
        place.mkdir(exist_ok=True)
        (place / f"{name}.sql").write_text(text)
    return discover([("shop", folder / "shop"), ("users", folder / "users")])


class Made:
    """A server's databases that are all alike, and the role that owns them."""

    def __init__(self, server: Any, template: str) -> None:
        self.server = server
        self.template = template
        self.role = roles(template).migrator
        self.names = [template]

    def fresh(self) -> str:
        name = f"{self.template}_{len(self.names)}"
        self.names.append(name)
        self.do(f"create database {name} template {self.template} owner {self.role}")
        return name

    def do(self, query: str) -> None:
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as admin:
            admin.execute(query.encode())


@pytest.fixture
def made(postgres_cluster: Any) -> Iterator[Made]:
    template = f"kills_{secrets.token_hex(4)}"
    provision(postgres_cluster.dsn("postgres"), template, ["shop", "users"], "pass")
    databases = Made(postgres_cluster, template)
    yield databases
    for name in databases.names:
        databases.do(f"drop database {name} with (force)")
    databases.do(f"drop role {roles(template).app}")
    databases.do(f"drop role {databases.role}")


def state(conninfo: str) -> Any:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return connection.execute(STATE.encode()).fetchone()


def killed_at(made: Made, name: str, bundle: Bundle, at: int, *, late: bool) -> bool:
    """Run a migrator that is killed at its `at`-th request; whether it came so far."""
    conninfo = made.server.dsn(name)
    with psycopg.connect(conninfo) as known:
        host, port = known.info.host, known.info.port
    asked_from = threading.Event()
    pids: list[int] = []

    def cut() -> None:
        asked_from.wait()
        os.kill(pids[0], signal.SIGKILL)

    proxy = CuttingProxy(host, port, at, cut, late=late)
    through = make_conninfo(
        conninfo, host="127.0.0.1", port=proxy.port, sslmode="disable", gssencmode="disable"
    )
    pid = os.fork()
    if pid == 0:
        try:
            apply(through, bundle, role=made.role)
        finally:
            os._exit(0)
    pids.append(pid)
    asked_from.set()
    _, status = os.waitpid(pid, 0)
    proxy.close()
    return os.WIFSIGNALED(status)


def finish(made: Made, name: str, bundle: Bundle) -> bool:
    """Apply again, answering what the run asks; whether it had to ask."""
    conninfo = made.server.dsn(name)
    try:
        apply(conninfo, bundle, role=made.role)
    except OperatorError as asked:
        assert asked.code == "migration_uncertain"
        assert "statement 1 had begun" in asked.what
        assert "call users.fill()" in asked.what
        with psycopg.connect(conninfo, autocommit=True) as connection:
            row = connection.execute("select count(*) from users.logs").fetchone()
        # Half of it, which only a person can tell, does not happen here: the server ends what it began.
        file = "2025-01-04T0000__users__calls.sql"
        settle(conninfo, bundle, file, ran=row == (2,), role=made.role)
        apply(conninfo, bundle, role=made.role)
        return True
    return False


@pytest.mark.parametrize("late", [False, True], ids=["before it is sent", "after it is sent"])
def test_killed_at_any_request_a_second_run_ends_as_an_undisturbed_one(
    made: Made, bundle: Bundle, late: bool
) -> None:
    calm = made.fresh()
    apply(made.server.dsn(calm), bundle, role=made.role)
    wanted = state(made.server.dsn(calm))
    at, asked, points = 1, 0, 0
    while True:
        name = made.fresh()
        if not killed_at(made, name, bundle, at, late=late):
            break
        asked += finish(made, name, bundle)
        assert state(made.server.dsn(name)) == wanted, f"killed at request {at}"
        at, points = at + STRIDE, points + 1
    assert points > 50 / STRIDE
    assert asked <= 5
