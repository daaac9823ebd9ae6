"""How long does a warm request take that asks PostgreSQL one row, beside what others run locally?

    python -m benchmarks.http_warm [--requests 2000]

`GET /user/{id}` of somebody who is not there, over one kept-alive connection, in turns request by request:
through Lamppost's gateway and AWS's runtime client in a sandbox (as on AWS, and with `--fast`), through
FastAPI with uvicorn and psycopg_pool, and, where npm has it, through serverless-offline: with a Node handler
and pg, which it runs in a thread of its own process, and with a Python handler and psycopg, which it runs in
a process that it keeps. All on the same PostgreSQL and row. The floor of the parts is the query alone on an
open connection, plus an answer of our HTTP server in which no function takes part. The load (processes that
wanted to run, over the last minute) tells how quiet the machine was; the CPU, all processes of a server but
PostgreSQL's, suffers less from a loud one.

Not called http.py: a script beside it would find it in place of Python's own http.
"""

import argparse
import http.client
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg

from benchmarks import peers
from tests.running import House

NOBODY = "00000000-0000-4000-8000-000000000000"
PYTHON = ("fastapi==0.121.2", "uvicorn[standard]==0.38.0", "psycopg[binary,pool]==3.3.9")
PSYCOPG = ("psycopg[binary]==3.3.9",)
NODE = ("serverless@3.40.0", "serverless-offline@13.9.0", "pg@8.16.3")
QUERY = "select id, first_name, last_name, timezone from birthday.people where id = %s"

FASTAPI = """
import os
from uuid import UUID
from fastapi import FastAPI, HTTPException
from psycopg_pool import ConnectionPool
from pydantic import BaseModel

class Person(BaseModel):
    id: UUID
    first_name: str
    last_name: str
    timezone: str

pool = ConnectionPool(os.environ["DSN"], min_size=1, max_size=3, open=True)
app = FastAPI()

@app.get("/user/{id}")
def get_user(id: UUID) -> Person:
    with pool.connection() as db:
        row = db.execute("select id, first_name, last_name, timezone from birthday.people where id = %s",
                         (id,)).fetchone()
    if row is None:
        raise HTTPException(404)
    return Person(id=row[0], first_name=row[1], last_name=row[2], timezone=row[3])
"""
SERVERLESS = """
service: peer
frameworkVersion: '3'
provider: {name: aws, runtime: %s, environment: {DSN: '${env:DSN}'}}
plugins: [serverless-offline]
custom: {serverless-offline: {httpPort: %d, lambdaPort: %d, host: 127.0.0.1, noPrependStageInUrl: true}}
functions:
  user: {handler: handler.user, events: [{httpApi: 'GET /user/{id}'}]}
"""
HANDLER = """
const { Pool } = require('pg')
const pool = new Pool({ connectionString: process.env.DSN, max: 3 })
module.exports.user = async (event) => {
  const query = 'select id, first_name, last_name, timezone from birthday.people where id = $1'
  const found = await pool.query(query, [event.pathParameters.id])
  if (!found.rows.length) return { statusCode: 404, body: JSON.stringify({ error: 'not found' }) }
  return { statusCode: 200, body: JSON.stringify(found.rows[0]) }
}
"""

PYTHON_HANDLER = """
import json, os
import psycopg
db = psycopg.connect(os.environ["DSN"], autocommit=True)
QUERY = "select id, first_name, last_name, timezone from birthday.people where id = %s"

def user(event, context):
    row = db.execute(QUERY, (event["pathParameters"]["id"],)).fetchone()
    if row is None:
        return {"statusCode": 404, "body": json.dumps({"error": "not found"})}
    return {"statusCode": 200, "body": json.dumps({"id": str(row[0]), "first_name": row[1]})}
"""


class Served(NamedTuple):
    """A running server: its URL and the process that everything of it descends from."""

    url: str
    pid: int

    def cpu_ms(self) -> float:
        """What it has used of the CPU so far, PostgreSQL's part left out; the clock ticks each 10 ms."""
        children: dict[int, list[int]] = {}
        ticks: dict[int, int] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                name, _, rest = (entry / "stat").read_text().rpartition(")")
                numbers = rest.split()
                if not name.endswith("(postgres"):
                    children.setdefault(int(numbers[1]), []).append(int(entry.name))
                    ticks[int(entry.name)] = int(numbers[11]) + int(numbers[12])
        tree = [self.pid]
        for pid in tree:
            tree += children.get(pid, [])
        return sum(ticks.get(pid, 0) for pid in tree) * 1000 / os.sysconf("SC_CLK_TCK")


class Line:
    """One kept-alive connection and the path that is asked over it."""

    def __init__(self, base: str, path: str) -> None:
        parts = urlsplit(base)
        self.path = parts.path.rstrip("/") + path
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def __call__(self) -> None:
        self.connection.request("GET", self.path)
        response = self.connection.getresponse()
        response.read()
        check(response.status == 404)


def check(as_expected: bool) -> None:
    assert as_expected


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(command: list[str | Path], port: int, folder: Path, dsn: str, **more: str) -> Iterator[Served]:
    """The server that `command` starts in `folder`, once it listens."""
    environment = {**os.environ, "DSN": dsn, "SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off"}
    environment |= more
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        yield Served(f"http://127.0.0.1:{port}", process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@contextmanager
def fastapi(folder: Path, dsn: str) -> Iterator[Served]:
    python, port = peers.python(*PYTHON), free_port()
    (folder / "peer.py").write_text(FASTAPI)
    command = [python, "-m", "uvicorn", "peer:app", "--port", str(port), "--no-access-log"]
    with served(command, port, folder, dsn) as peer:
        yield peer


@contextmanager
def serverless(folder: Path, dsn: str) -> Iterator[Served]:
    (folder / "handler.js").write_text(HANDLER)
    with offline(folder, dsn, "nodejs20.x") as peer:
        yield peer


@contextmanager
def serverless_python(folder: Path, dsn: str) -> Iterator[Served]:
    (folder / "handler.py").write_text(PYTHON_HANDLER)
    environment = peers.python(*PSYCOPG).parent.parent
    with offline(folder, dsn, "python3.11", VIRTUAL_ENV=str(environment)) as peer:
        yield peer


@contextmanager
def offline(folder: Path, dsn: str, runtime: str, **more: str) -> Iterator[Served]:
    installed, port = peers.node(*NODE), free_port()
    (folder / "serverless.yml").write_text(SERVERLESS % (runtime, port, free_port()))
    (folder / "package.json").write_text("{}")
    (folder / "node_modules").symlink_to(installed / "node_modules")
    command: list[str | Path] = ["node", installed / "node_modules/.bin/serverless", "offline", "start"]
    with served(command, port, folder, dsn, **more) as peer:
        yield peer


def in_turns(calls: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            taken[name].append((time.perf_counter() - begun) * 1000)
    return taken


def cpu_of(server: Served, call: Callable[[], None], rounds: int) -> float:
    """Milliseconds of CPU that a request costs `server`, one behind the other."""
    before = server.cpu_ms()
    for _ in range(rounds):
        call()
    return (server.cpu_ms() - before) / rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    rounds = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        home = Path(temporary)
        house = House(home / "data").up()
        stack.callback(house.end)
        fast = House(home / "fast", flags=("--fast",)).up()
        stack.callback(fast.end)
        dsn = house.running["postgres"].rpartition("/")[0] + "/bday"
        db = stack.enter_context(psycopg.connect(dsn, autocommit=True))
        path = f"/user/{NOBODY}"
        calls: dict[str, Callable[[], None]] = {
            "the query alone": lambda: check(db.execute(QUERY, (NOBODY,)).fetchone() is None),
            "our HTTP server alone": Line(house.running["apis"]["birthday"], "/nothing/here"),
            "lamppost": Line(house.running["apis"]["birthday"], path),
            "lamppost --fast": Line(fast.running["apis"]["birthday"], path),
        }
        servers = {
            name: Served("", one.process.pid)
            for name, one in (("lamppost", house), ("lamppost --fast", fast))
            if one.process is not None
        }
        for name, peer in (
            ("FastAPI + uvicorn", fastapi),
            ("serverless-offline", serverless),
            ("serverless-offline, Python", serverless_python),
        ):
            folder = home / peer.__name__
            folder.mkdir()
            if peer is not fastapi and shutil.which("npm") is None:
                print(f"npm is not here: {name} was left out")
                continue
            servers[name] = stack.enter_context(peer(folder, dsn))
            calls[name] = Line(servers[name].url, path)
        for call in calls.values():
            for _ in range(rounds // 10):
                call()
        taken = in_turns(calls, rounds)
        used = {name: cpu_of(server, calls[name], rounds) for name, server in servers.items()}
    middle = {name: statistics.median(times) for name, times in taken.items()}
    for name, times in taken.items():
        told = f"   CPU {used[name]:5.2f} ms a request" if name in used else ""
        slowest = statistics.quantiles(times, n=100)[98]
        print(f"{name:26} p50 {middle[name]:6.2f} ms   p99 {slowest:7.2f} ms{told}")
    floor = middle["the query alone"] + middle["our HTTP server alone"]
    print(f"floor of the parts {floor:.2f} ms; over it: lamppost {middle['lamppost'] - floor:.2f} ms,")
    print(f"  --fast {middle['lamppost --fast'] - floor:.2f} ms")
    for name in list(middle)[4:]:
        print(f"{name} / lamppost = {middle[name] / middle['lamppost']:.1f}")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
