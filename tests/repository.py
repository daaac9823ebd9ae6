"""A small repository for tests that change code, or need functions that fail, wait and overstep."""

import shutil
from pathlib import Path

from tests.running import ROOT

SERVICE = """
from lamppost import Database, Function, Queue, Route, Service, seconds
from services.shop import acts, jobs

front = Function(name="front", timeout=seconds(20), routes=(
    Route("GET /hello", acts.hello),
    Route("GET /wait", acts.wait),
    Route("POST /order", acts.order, status=201),
    Route("GET /crash", acts.crash),
))
fail = Function(name="fail", handler=jobs.fail, timeout=seconds(20))
reach = Function(name="reach", handler=jobs.reach, timeout=seconds(20), sends=("shop-parcels",))
pack = Function(name="pack", handler=jobs.pack, timeout=seconds(20))

service = Service(
    name="shop",
    database=Database("shop", secret="shop/credentials"),
    functions=(front, fail, reach, pack),
    queues=(Queue(name="shop-parcels", runs=pack, batch=5, concurrency=2, attempts=5),),
)
"""

ACTS = """
import os, time
from pathlib import Path
from lamppost import Context

GREETING = "hello"

def hello() -> dict[str, str]:
    return {"says": GREETING}

def wait(gate: str) -> dict[str, str]:
    Path(gate + ".begun").touch()
    while not Path(gate).exists():
        time.sleep(0.01)
    return {"says": GREETING}

def order(ctx: Context) -> dict[str, str]:
    with ctx.transaction() as db:
        row = db.execute("insert into shop.orders default values returning id").fetchone()
    return {"id": str(row[0])}

def crash() -> None:
    os._exit(9)
"""

JOBS = """
import time
from pathlib import Path
from typing import Any
import boto3
from botocore.exceptions import ClientError
from lamppost import Batch, Context

def fail(event: Any, ctx: Context) -> None:
    raise ValueError("no such shelf")

def reach(event: dict[str, Any], ctx: Context) -> list[str]:
    client = boto3.client(event["service"])
    try:
        getattr(client, event["call"])(**event["with"])
    except ClientError as refused:
        return [refused.response["Error"]["Code"], refused.response["Error"]["Message"]]
    return ["done", ""]

def pack(batch: Batch[dict[str, Any]], ctx: Context) -> None:
    for message in batch:
        gate = message.body.get("gate")
        if gate:
            Path(gate + ".begun").touch()
            while not Path(gate).exists():
                time.sleep(0.01)
        with ctx.transaction() as db:
            parcel = (message.body["id"],)
            db.execute("insert into shop.parcels (id) values (%s) on conflict do nothing", parcel)
"""

TABLES = """
create table shop.orders (id bigint generated always as identity primary key);
create table shop.parcels (id bigint primary key);
"""


class Repository:
    """`services/shop` below `root`, to be edited while it runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "services" / "shop"
        (self.folder / "migrations").mkdir(parents=True)
        (root / "services" / "__init__.py").touch()
        (self.folder / "__init__.py").touch()
        self.write("service.py", SERVICE)
        self.write("acts.py", ACTS)
        self.write("jobs.py", JOBS)
        self.migrate("2025-11-01T0900", "tables", TABLES)

    def write(self, name: str, text: str) -> None:
        """Save a file of the service, as an editor does: whole."""
        beside = self.folder / f".{name}"
        beside.write_text(text)
        beside.replace(self.folder / name)

    def change(self, name: str, old: str, new: str) -> None:
        """Replace `old` by `new` in a file of the service."""
        text = (self.folder / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def migrate(self, stamp: str, about: str, sql: str) -> None:
        """Add a migration of the service."""
        (self.folder / "migrations" / f"{stamp}__shop__{about}.sql").write_text(sql)


def copied(root: Path) -> Path:
    """Our own services, copied below `root`."""
    shutil.copytree(ROOT / "services", root / "services", ignore=shutil.ignore_patterns("__pycache__"))
    return root
