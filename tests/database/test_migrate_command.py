"""`lamppost migrate`, as a person or a program runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lamppost.local.postgres import address
from lamppost.migrate.provision import provision

SERVICE = """
from lamppost.declare.service import Database, Function, Service

def hello(event: dict, ctx: object) -> dict:
    return {{}}

service = Service(
    name="shop",
    database=Database("{database}", secret="shop/db"),
    functions=(Function(name="hello", handler=hello),),
)
"""


class Shop:
    """A repository with one service, and its data folder."""

    def __init__(self, root: Path, database: str) -> None:
        self.root = root
        self.migrations = root / "services" / "shop" / "migrations"
        self.migrations.mkdir(parents=True)
        (root / "services" / "shop" / "service.py").write_text(SERVICE.format(database=database))

    def run(self, *words: str) -> tuple[int, Any]:
        command = [sys.executable, "-c", "from lamppost.cli.main import main; main()", "migrate", *words]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout or done.stderr)


@pytest.fixture
def shop(tmp_path: Path, empty: Any, postgres_cluster: address.Address) -> Shop:
    (tmp_path / ".lamppost" / "postgres").mkdir(parents=True)
    address.write(tmp_path / ".lamppost" / "postgres", postgres_cluster)
    return Shop(tmp_path, empty.name)


def test_a_file_is_started_planned_applied_and_shown(shop: Shop, empty: Any) -> None:
    code, made = shop.run("new", "shop", "Add the cats!")
    assert (code, made["file"].endswith("__shop__add_the_cats.sql")) == (0, True)
    (shop.root / made["file"]).write_text("create table shop.cats (id int)")
    _, planned = shop.run("plan")
    pending = [one["name"] for one in planned["databases"][empty.name]["pending"]]
    assert pending[-1].endswith("__shop__add_the_cats.sql")
    code, applied = shop.run("apply")
    assert (code, applied["databases"][empty.name]["applied"]) == (0, pending)
    assert applied["line"].startswith(f"verdict applied: {len(pending)} migrations, 1 database at ")
    code, shown = shop.run("status")
    assert (code, shown["pending"], shown["refused"]) == (0, 0, 0)


def test_the_next_file_sorts_behind_the_last_even_within_one_minute(shop: Shop) -> None:
    first = shop.run("new", "shop", "one")[1]["file"]
    second = shop.run("new", "shop", "another")[1]["file"]
    assert second > first


def test_an_edited_file_is_exit_1_in_status_plan_and_apply(shop: Shop) -> None:
    path = shop.migrations / "2025-01-01T0000__shop__cats.sql"
    path.write_text("create table shop.cats (id int)")
    shop.run("apply")
    path.write_text("create table shop.cats (id bigint)")
    assert shop.run("status")[0] == 1
    code, planned = shop.run("plan")
    assert (code, next(iter(planned["databases"].values()))["refusals"][0]["code"]) == (1, "migration_edited")
    code, refused = shop.run("apply")
    assert (code, refused["code"]) == (1, "migration_edited")


def test_another_server_is_reached_by_its_url(
    shop: Shop, empty: Any, postgres_cluster: address.Address
) -> None:
    address.write(shop.root / ".lamppost" / "postgres", address.Address(1, "nothing there"))
    assert shop.run("status")[1]["code"] == "not_running"
    provision(postgres_cluster.dsn("postgres"), empty.name, ["shop"], "pass/word @1")
    assert shop.run("apply", "--postgres", postgres_cluster.dsn("postgres"))[0] == 0


def test_without_a_system_the_next_step_is_named(shop: Shop) -> None:
    code, refused = shop.run("status", "--data", "nowhere")
    assert (code, refused["code"]) == (1, "not_running")
    assert "lamppost up" in refused["fix"]


def test_a_folder_that_is_no_repository_is_applied_to_the_database_it_is_given(
    tmp_path: Path, empty: Any
) -> None:
    files = tmp_path / "sql"
    files.mkdir()
    (files / "001_cats.sql").write_text("create table public.cats (id int)")
    shop = Shop(tmp_path / "elsewhere", empty.name)
    code, applied = shop.run("apply", str(files), "--postgres", empty.admin)
    assert (code, applied["databases"][empty.name]["applied"]) == (0, ["001_cats.sql"])
    assert shop.run("status", str(files), "--postgres", empty.admin)[1]["pending"] == 0
    (files / "001_cats.sql").write_text("create table public.cats (id bigint)")
    assert shop.run("apply", str(files), "--postgres", empty.admin)[1]["code"] == "migration_edited"


def test_a_loose_folder_without_a_database_says_how_to_name_one(tmp_path: Path, empty: Any) -> None:
    (tmp_path / "001_cats.sql").write_text("select 1")
    code, refused = Shop(tmp_path / "elsewhere", empty.name).run("apply", str(tmp_path))
    assert (code, refused["code"]) == (1, "migration_target")


def test_a_failing_run_says_what_now_and_ends_with_its_verdict(shop: Shop, empty: Any) -> None:
    (shop.migrations / "2025-01-01T0000__shop__cats.sql").write_text("create table shop.cats (id int)")
    (shop.migrations / "2025-01-02T0000__shop__dogs.sql").write_text("drop table shop.nowhere")
    code, failed = shop.run("apply")
    assert (code, failed["verdict"], failed["code"]) == (1, "failed", "migration_failed")
    assert failed["line"].startswith("verdict failed: 2025-01-02T0000__shop__dogs.sql")
    steps = "\n".join(failed["procedure"])
    assert "2025-01-01T0000__shop__cats.sql" in steps
    assert "Nothing of 2025-01-02T0000__shop__dogs.sql is in" in steps
    assert "lamppost migrate status" in steps


def test_with_events_each_step_is_a_line_of_json_on_stderr(shop: Shop) -> None:
    command = [sys.executable, "-c", "from lamppost.cli.main import main; main()", "migrate", "apply"]
    done = subprocess.run([*command, "--events"], cwd=shop.root, capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert {event["type"] for event in events} == {"Applied"}
    assert json.loads(done.stdout)["verdict"] == "applied"
    again = subprocess.run(command, cwd=shop.root, capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["verdict"] == "nothing to apply"


def test_ci_may_ask_whether_anything_is_pending(shop: Shop) -> None:
    assert shop.run("status")[0] == 0
    assert shop.run("status", "--check")[0] == 1
    shop.run("apply")
    assert shop.run("status", "--check")[0] == 0


def test_a_database_is_adopted_told_what_is_live_and_mended_by_command(shop: Shop, empty: Any) -> None:
    path = shop.migrations / "2025-01-01T0000__shop__cats.sql"
    path.write_text("create table shop.cats (id int)")
    code, adopted = shop.run("baseline", path.name, "--why", "made by hand")
    assert (code, adopted["databases"][empty.name]) == (0, [path.name])
    shop.run("apply")
    assert len(shop.run("live")[1]["databases"][empty.name]) == 2
    shown = shop.run("status")[1]["databases"][empty.name]
    assert shown["live"]["shop"]["head"] == path.name
    path.write_text("create table shop.cats (id int)\r\n")
    code, listed = shop.run("repair")
    assert (code, listed["left"][empty.name]["repairs"][0]["kind"]) == (1, "rehash")
    assert shop.run("repair", "--yes")[0] == 0
    assert shop.run("repair")[0] == 0


def test_two_places_are_compared_by_command(shop: Shop, empty: Any) -> None:
    shop.run("apply")
    code, same = shop.run("status", "--stage", "local", "--against", empty.server.dsn("postgres"))
    assert (code, same["same"]) == (0, True)
    assert shop.run("status", "--stage", "local")[1]["code"] == "migration_stages"


def test_contract_files_and_backfills_begin_with_what_the_runner_reads(shop: Shop) -> None:
    contract = shop.run("new", "shop", "drop", "cats", "--phase", "contract")[1]["file"]
    assert (shop.root / contract).read_text().startswith("-- lamppost: phase contract\n")
    job = shop.run("new", "shop", "fill", "--job", "shop.cats", "--by", "id")[1]["file"]
    assert (shop.root / job).read_text().startswith("-- lamppost: job shop.cats by id\n")
    assert shop.run("new", "shop", "fill", "--job", "cats", "--by", "id")[1]["code"] == "migration_directive"
