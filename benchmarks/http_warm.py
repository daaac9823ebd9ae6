"""How long does a warm request take that asks PostgreSQL one row, beside what others run locally?

    python -m benchmarks.http_warm [--requests 2000]

`GET /user/{id}` of somebody who is not there, over one kept-alive connection, in turns request by request:
through Lamppost's gateway and AWS's runtime client in a sandbox (as on AWS, and with `--fast`), through
FastAPI with uvicorn and psycopg_pool, and through serverless-offline with a Node handler and pg, where npm
has them. All on the same PostgreSQL and row. The floor of the parts is the query alone on an open connection,
plus an answer of our HTTP server in which no function takes part.

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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from benchmarks import peers
from tests.running import House

NOBODY = "00000000-0000-4000-8000-000000000000"
PYTHON = ("fastapi==0.121.2", "uvicorn[standard]==0.38.0", "psycopg[binary,pool]==3.3.9")
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
provider: {name: aws, runtime: nodejs20.x, environment: {DSN: '${env:DSN}'}}
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
def served(command: list[str | Path], port: int, folder: Path, dsn: str) -> Iterator[str]:
    """The URL of a server that `command` starts in `folder`, once it listens."""
    environment = {**os.environ, "DSN": dsn, "SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off"}
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
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@contextmanager
def fastapi(folder: Path, dsn: str) -> Iterator[str]:
    python, port = peers.python(*PYTHON), free_port()
    (folder / "peer.py").write_text(FASTAPI)
    command = [python, "-m", "uvicorn", "peer:app", "--port", str(port), "--no-access-log"]
    with served(command, port, folder, dsn) as url:
        yield url


@contextmanager
def serverless(folder: Path, dsn: str) -> Iterator[str]:
    installed, port = peers.node(*NODE), free_port()
    (folder / "serverless.yml").write_text(SERVERLESS % (port, free_port()))
    (folder / "handler.js").write_text(HANDLER)
    (folder / "package.json").write_text("{}")
    (folder / "node_modules").symlink_to(installed / "node_modules")
    command: list[str | Path] = ["node", installed / "node_modules/.bin/serverless", "offline", "start"]
    with served(command, port, folder, dsn) as url:
        yield url


def in_turns(calls: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + rounds // 10):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            if turn >= rounds // 10:
                taken[name].append((time.perf_counter() - begun) * 1000)
    return taken


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
        for name, peer in (("FastAPI + uvicorn", fastapi), ("serverless-offline", serverless)):
            folder = home / peer.__name__
            folder.mkdir()
            if peer is serverless and shutil.which("npm") is None:
                print("npm is not here: serverless-offline was left out")
                continue
            calls[name] = Line(stack.enter_context(peer(folder, dsn)), path)
        taken = in_turns(calls, rounds)
    middle = {name: statistics.median(times) for name, times in taken.items()}
    for name, times in taken.items():
        print(f"{name:24} p50 {middle[name]:6.2f} ms   p99 {statistics.quantiles(times, n=100)[98]:7.2f} ms")
    floor = middle["the query alone"] + middle["our HTTP server alone"]
    print(f"floor of the parts {floor:.2f} ms; over it: lamppost {middle['lamppost'] - floor:.2f} ms,")
    print(f"  --fast {middle['lamppost --fast'] - floor:.2f} ms")
    for name in list(middle)[4:]:
        print(f"{name} / lamppost = {middle[name] / middle['lamppost']:.1f}")


if __name__ == "__main__":
    main()
