"""What the doctor sees in a real server and on a real folder."""

import json
import os
import resource
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import psycopg
import pytest

import lamppost
from lamppost.declare.tenancy import Tenants
from lamppost.derive.manifest import DatabaseEntry, Manifest, ServiceEntry
from lamppost.diagnose import machine, work
from lamppost.diagnose.doctor import CHECKS, examine
from lamppost.diagnose.place import Place
from lamppost.errors import AuthorError
from lamppost.local import state
from lamppost.local.logs import LogStore
from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle, discover
from tests.running import LAMPPOST

Files = Callable[..., Bundle]
CATS = "create table shop.cats (id bigint primary key, name text);"


@pytest.fixture
def place(empty: Any, tmp_path: Path) -> Place:
    """A repository whose only service, shop, has the database of this test."""
    made = Place(tmp_path, tmp_path / "data", empty.admin)
    made.manifest = Manifest((shop(empty),))
    return made


def shop(empty: Any, tenants: Tenants | None = None) -> ServiceEntry:
    return ServiceEntry(
        name="shop", prefix="shop", about="", folder="shop", database=DatabaseEntry(empty.name, "shop/db"),
        functions=(), schedules=(), queues=(), parameters=(), secrets=(), environment=(), tenants=tenants,
    )  # fmt: skip


def codes(place: Place) -> dict[str, str]:
    """What is found, by code, with its severity; every finding says what, where and what to do."""
    found = examine(place).findings
    assert all(finding.where and finding.what and finding.fix for finding in found)
    return {finding.code: finding.severity for finding in found}


def migrate(empty: Any, bundle: Bundle) -> None:
    apply(empty.admin, bundle, role=empty.role)


def sql(empty: Any, *statements: str) -> None:
    with psycopg.connect(empty.admin, autocommit=True) as admin:
        for statement in statements:
            admin.execute(statement.encode())


def test_a_healthy_database_is_left_in_peace(place: Place, empty: Any, files: Files) -> None:
    migrate(empty, files(cats=CATS))
    report = examine(place)
    assert (report.findings, report.wrong) == ((), 0)
    assert len(report.fine) == 7


def test_a_file_that_was_not_applied_is_seen(place: Place, empty: Any, files: Files) -> None:
    migrate(empty, files(cats=CATS))
    files(dogs="create table shop.dogs (id bigint primary key);")
    assert codes(place) == {"migration_pending": "wrong"}


def test_a_file_that_was_edited_is_seen(place: Place, empty: Any, files: Files) -> None:
    migrate(empty, files(cats=CATS))
    files(cats=CATS.replace("name", "title"))
    assert codes(place) == {"migration_edited": "wrong"}


def test_an_index_that_broke_is_seen(place: Place, empty: Any, files: Files) -> None:
    migrate(empty, files(cats=CATS))
    sql(empty, "insert into shop.cats values (1, 'a'), (2, 'a')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql(empty, "create unique index concurrently cats_name on shop.cats (name)")
    assert codes(place) == {"index_invalid": "wrong"}


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ('alter role "{app}" bypassrls', "role_unbound"),
        ('grant "{migrator}" to "{app}"', "role_member"),
        ('alter table shop.cats owner to "{app}"', "role_owner"),
        ('grant create on schema shop to "{app}"', "app_may_create"),
    ],
)
def test_an_app_role_that_may_too_much_is_seen(
    place: Place, empty: Any, files: Files, statement: str, code: str
) -> None:
    migrate(empty, files(cats=CATS))
    sql(empty, statement.format(app=empty.app_role, migrator=empty.role))
    found = codes(place)
    sql(empty, f'alter table shop.cats owner to "{empty.role}"')
    assert found[code] == "wrong"
    assert set(found) <= {code, "app_may_create"}


def test_a_table_without_a_wall_is_seen_where_the_service_has_tenants(
    place: Place, empty: Any, files: Files
) -> None:
    migrate(empty, files(members="create table shop.members (tenant_id uuid not null, subject text not null,"
                                 " role text, primary key (tenant_id, subject));"))  # fmt: skip
    assert codes(place) == {}
    place.manifest = Manifest((shop(empty, Tenants(memberships="shop.members")),))
    assert codes(place) == {"rls_off": "wrong", "membership_unindexed": "advice"}


def test_a_clock_that_was_moved_is_seen(place: Place, empty: Any, files: Files) -> None:
    migrate(empty, files(cats=CATS))
    sql(empty, "insert into lamppost.clock (shift) values ('1 day')")
    assert codes(place) == {"clock_shifted": "advice"}


def test_a_database_that_is_not_there_is_seen_and_nothing_else_fails(place: Place, empty: Any) -> None:
    entry = shop(empty)
    place.manifest = Manifest((msgspec.structs.replace(entry, database=DatabaseEntry("nowhere", "shop/db")),))
    assert codes(place) == {"database_unreachable": "wrong"}


def test_services_that_do_not_load_are_said_and_the_rest_is_looked_at(place: Place) -> None:
    place.manifest = AuthorError("services/shop does not load", fix="mend the line named")
    assert codes(place) == {"author": "wrong"}


def test_a_check_that_cannot_look_says_so_and_the_others_go_on(
    place: Place, empty: Any, files: Files
) -> None:
    migrate(empty, files(cats=CATS))
    sql(empty, "insert into lamppost.clock (shift) values ('1 day')")
    seen = Place(place.root, place.data, empty.app)
    seen.manifest = place.manifest
    sql(empty, f'revoke select on public.schema_migrations from public, "{empty.app_role}"')
    found = codes(seen)
    assert "clock_shifted" in found
    assert len(found) == 2


# --- the folder and the machine


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A folder on which nothing ever ran."""
    monkeypatch.setattr(machine, "PORTS", ())
    made = Place(tmp_path, tmp_path / "data")
    made.data.mkdir()
    made.manifest = Manifest(())
    return made


def test_nothing_running_is_said_with_the_command_that_mends_it(bare: Place) -> None:
    assert codes(bare) == {"not_running": "wrong", "no_server": "wrong"}


def test_a_runner_that_died_is_told_from_one_that_never_was(bare: Place) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    state.write(bare.data, running(child.pid, 1))
    (finding, _) = examine(bare).findings
    assert (finding.code, finding.what) == ("not_running", f"process {child.pid} ended without a word")


def test_a_runner_that_does_not_answer_is_seen(bare: Place) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        state.write(bare.data, running(os.getpid(), closed.getsockname()[1]))
        assert "not_answering" in codes(bare)


def test_a_runner_that_answers_is_fine(bare: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as open_:
        state.write(bare.data, running(os.getpid(), open_.getsockname()[1]))
        assert codes(bare) == {"no_server": "wrong"}


def running(pid: int, port: int) -> state.Running:
    return state.Running(pid, "", {}, "", "", f"http://127.0.0.1:{port}", "", 0.0)


def test_a_process_that_holds_the_folder_in_silence_is_seen(bare: Place) -> None:
    lock = state.Lock(bare.data)
    assert codes(bare)["starting_or_stuck"] == "advice"
    lock.release()
    assert "starting_or_stuck" not in codes(Place(bare.root, bare.data))


def test_the_data_of_another_postgresql_are_seen(bare: Place) -> None:
    cluster = bare.data / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("12\n")
    assert codes(bare).keys() >= {"postgres_version", "postgres_address_lost"}


def test_a_port_that_is_taken_is_seen(bare: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(machine, "PORTS", (taken.getsockname()[1],))
        assert codes(bare)["port_taken"] == "advice"


@pytest.mark.parametrize(("free", "code"), [(0.5, None), (0.14, "disk_filling"), (0.04, "disk_full")])
def test_a_disk_that_fills_is_seen(
    bare: Place, monkeypatch: pytest.MonkeyPatch, free: float, code: str | None
) -> None:
    usage = SimpleNamespace(total=1000, free=int(free * 1000))
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert {one for one in codes(bare) if one.startswith("disk")} == ({code} if code else set())


def test_too_few_descriptors_are_seen(bare: Place) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        assert codes(bare)["descriptors_few"] == "wrong"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_function_that_failed_within_the_hour_is_named_with_its_last_error(bare: Place) -> None:
    logs = LogStore(bare.data / "logs")
    old = json.dumps({"level": "error", "message": "request.failed", "error": "long ago"})
    logs.append("shop-quiet", "s", [old], at=1_000)
    logs.append("shop-api", "s", ["START RequestId: 1", json.dumps({"level": "info", "message": "fine"})])
    for error in ("first", "second \x1b[31m"):
        line = {"level": "error", "message": "request.failed", "kind": "RuntimeError", "error": error}
        logs.append("shop-api", "s", [json.dumps(line)])
    logs.append("shop-worker", "s", ["2025-01-01T00:00:00Z 1 Task timed out after 3.00 seconds"])
    logs.close()
    found = [finding for finding in examine(bare).findings if finding.code == "function_failing"]
    assert [finding.where for finding in found] == ["shop-api", "shop-worker"]
    assert found[0].what.startswith(
        "2 errors in the last hour, the last: request.failed: RuntimeError: second"
    )


def test_dead_letters_are_counted(empty: Any, bare: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Path(lamppost.__file__).parent / "local" / "migrations"
    apply(empty.admin, discover([("local", own)]), role=None)
    bare.server = empty.server
    monkeypatch.setattr(work, "HOME", empty.name)
    sql(
        empty,
        "insert into local.queues (name, dead_name, attempts)"
        " values ('jobs', 'jobs-dlq', 3), ('jobs-dlq', null, null)",
    )
    assert list(work.dead_letters(bare)) == []
    sql(
        empty,
        "insert into local.messages (message_id, queue, body, visible_at)"
        " select gen_random_uuid(), name, '', now()"
        " from (values ('jobs'), ('jobs-dlq'), ('jobs-dlq')) as q (name)",
    )
    (finding,) = work.dead_letters(bare)
    assert (finding.where, finding.what[:10]) == ("jobs-dlq", "2 messages")


def test_every_check_runs_on_an_empty_folder(tmp_path: Path) -> None:
    made = Place(tmp_path, tmp_path / "never" / "made")
    made.manifest = Manifest(())
    report = examine(made)
    assert {finding.code for finding in report.findings} - {"port_taken"} == {"not_running", "no_server"}
    assert len(report.fine) >= len(CHECKS) - 3
    assert not (tmp_path / "never").exists()


def test_the_command_says_what_is_wrong_and_fails(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(LAMPPOST), "doctor", "--data", str(tmp_path / "data")], capture_output=True, check=False
    )
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert {"code", "severity", "where", "what", "fix"} == set(said["findings"][0])
    assert {"not_running", "no_server"} <= {finding["code"] for finding in said["findings"]}
