"""A heavy migration as AWS runs it, as far as one machine can show that: in pieces that are killed."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psycopg

from lamppost.cloud.jobs_machine import definition
from tests.machine import Raised, Walk
from tests.running import ROOT, House, until

ROWS = 15_000
NAME = "2025-01-02T0000__shop__touch.sql"
SERVICE = """
from services.shop import acts
from lamppost import Database, Function, Service

service = Service(
    name="shop",
    database=Database("shop", secret="shop/credentials"),
    functions=(Function(name="act", handler=acts.act, database=False),),
)
"""
THINGS = f"""
create table shop.things (id integer primary key, touched integer not null default 0);
insert into shop.things select generate_series(1, {ROWS});
"""
# Each batch takes a while, whatever its size: there is a middle to kill it in.
TOUCH = """-- lamppost: job shop.things by id
update shop.things set touched = touched + 1
 where id between $1 and $2 and (select pg_sleep(0.1)) is not null;
"""
RUNNER = "select client_port from pg_stat_activity where application_name = 'lamppost migrate job'"


def repository(folder: Path) -> Path:
    """A repository of a shop and the migrator."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "services" / "migrator", folder / "services" / "migrator", ignore=ignored)
    shop = folder / "services" / "shop"
    (shop / "migrations").mkdir(parents=True)
    (shop / "service.py").write_text(SERVICE)
    (shop / "acts.py").write_text("def act(event, ctx):\n    return None\n")
    (shop / "migrations" / "2025-01-01T0000__shop__things.sql").write_text(THINGS)
    return folder


class Migrator:
    """The house's own, called as Step Functions calls it. `kill` of its calls are killed in the middle."""

    def __init__(self, house: House, kill: int) -> None:
        self.house, self.left = house, kill
        self.pieces: list[Any] = []
        self.client = boto3.client(
            "lambda",
            endpoint_url=house.running["aws"],
            region_name="us-east-2",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )

    def __call__(self, event: Any) -> Any:
        killer = threading.Thread(target=self.kill)
        if self.left:
            self.left -= 1
            killer.start()
        answer = self.client.invoke(FunctionName="migrator-dev", Payload=json.dumps(event))
        if killer.ident:
            killer.join()
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            # What Step Functions calls an error without a class of its own.
            raise Raised(told.get("errorType") or "Lambda.Unknown")
        self.pieces.append(told)
        return told

    def kill(self) -> None:
        """Kill -9 the process that runs the job, once a batch of it is in."""
        with self.house.database("shop") as db:
            until(lambda: touched(db).get(1))
            # A backend outlives its killed client by half a second.
            os.kill(until(lambda: owner(db.execute(RUNNER).fetchall())), signal.SIGKILL)


def touched(db: psycopg.Connection[Any]) -> dict[int, int]:
    rows = db.execute("select touched, count(*)::integer from shop.things group by 1").fetchall()
    return dict(rows)


def owner(ports: list[tuple[int]]) -> int | None:
    """The process that has a connection from one of these ports of this machine."""
    ends = {f"{port:04X}" for (port,) in ports}
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{line[9]}]" for line in lines if line[1].rpartition(":")[2] in ends}
    for opened in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(opened.readlink()) in sockets:
                return int(opened.parts[2])
    return None


def test_a_heavy_migration_whose_pieces_are_killed_touches_every_row_once(
    new_house: Callable[..., House], tmp_path: Path
) -> None:
    root = repository(tmp_path / "repository")
    house = new_house(root=root, furnished=False).up()
    house.down()
    (root / "services" / "shop" / "migrations" / NAME).write_text(TOUCH)
    house.up()
    assert (
        house.run("invoke", "migrator-dev", "--payload", '{"action": "jobs"}')["payload"]["databases"][
            "shop"
        ][0]["state"]
        == "open"
    )

    migrator = Migrator(house, kill=2)
    walk = Walk(definition(), {}, migrator).run()
    assert (walk.states[-1], migrator.left) == ("Done", 0)
    assert [piece["state"] for piece in migrator.pieces] == ["done", "done"]
    with house.database("shop") as db:
        assert touched(db) == {1: ROWS}
        rows = db.execute("select state, rows_done from public.schema_jobs").fetchall()
        assert rows == [("done", ROWS)]
