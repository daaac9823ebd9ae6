"""What does the first request of a cold API function cost in CPU, beside the usual stack?

    python -m benchmarks.cold_start [--rounds 10]

Each round starts a new interpreter for each, in turns: it loads the function, reads the database's secret
from the running system's Secrets Manager, connects, asks one row that is not there, and answers an HTTP API
event with 404. CPU is the process's own (user and system), as a cold start pays it. The peer is FastAPI
+ Mangum + boto3 + SQLAlchemy + psycopg, byte code compiled for both. The third is the bare interpreter.

512 MB of memory are 0.29 of a CPU on Lambda (1,769 MB are one). That share is simulated by stopping the
process for the rest of each 20 ms; its wall time is then what a caller would wait.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from benchmarks import peers
from lamppost.declare import names
from lamppost.local.functions.environment import local_environment
from lamppost.pack.discover import discover
from tests.running import ROOT, House

PACKAGES = (
    "fastapi==0.121.2",
    "mangum==0.19.0",
    "boto3==1.44.5",
    "sqlalchemy==2.0.44",
    "psycopg[binary]==3.3.9",
)
NOBODY = "00000000-0000-4000-8000-000000000000"
SHARE = 512 / 1769
PERIOD = 0.02

EVENT: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "GET /user/{id}",
    "rawPath": f"/user/{NOBODY}",
    "rawQueryString": "",
    "headers": {"host": "api.example", "accept": "*/*"},
    "pathParameters": {"id": NOBODY},
    "requestContext": {
        "accountId": "000000000000",
        "apiId": "bday",
        "domainName": "api.example",
        "http": {
            "method": "GET",
            "path": f"/user/{NOBODY}",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "bench",
        },
        "requestId": "r",
        "routeKey": "GET /user/{id}",
        "stage": "$default",
        "time": "21/Nov/2026:09:00:00 +0000",
        "timeEpoch": 1795251600000,
    },
    "isBase64Encoded": False,
}

CONTEXT = """
class Context:
    aws_request_id = "r"
    invoked_function_arn = "arn:aws:lambda:us-east-2:000000000000:function:f"
    function_name = "f"
    def get_remaining_time_in_millis(self):
        return 30000
"""
OURS = f"""{CONTEXT}
import sys, json
event = json.load(sys.stdin)
from lamppost.runtime.entry import handle
answer = handle(event, Context())
assert answer["statusCode"] == 404, answer
"""
THEIRS = f"""{CONTEXT}
import sys, json
event = json.load(sys.stdin)
from peer import handler
answer = handler(event, Context())
assert answer["statusCode"] == 404, answer
"""
PEER = """
import json, os
from functools import cache
from uuid import UUID

import boto3
from fastapi import FastAPI, HTTPException
from mangum import Mangum
from pydantic import BaseModel
from sqlalchemy import URL, create_engine, text


class Person(BaseModel):
    id: UUID
    firstName: str
    lastName: str
    timezone: str


@cache
def engine():
    client = boto3.client("secretsmanager")
    secret = json.loads(client.get_secret_value(SecretId=os.environ["DB_SECRET_NAME"])["SecretString"])
    url = URL.create("postgresql+psycopg", secret["username"], secret["password"], secret["host"],
                     int(secret["port"]), secret["dbname"])
    return create_engine(url, pool_size=2, max_overflow=0, pool_pre_ping=True)


app = FastAPI()


@app.get("/user/{id}")
def get_user(id: UUID) -> Person:
    with engine().connect() as db:
        query = text("select id, first_name, last_name, timezone from birthday.people where id = :id")
        row = db.execute(query, {"id": id}).first()
    if row is None:
        raise HTTPException(404)
    return Person(id=row[0], firstName=row[1], lastName=row[2], timezone=row[3])


handler = Mangum(app, lifespan="off")
"""


def cpu(command: list[str | Path], environment: dict[str, str], *, slow: bool) -> tuple[float, float]:
    """CPU and wall seconds of one cold process; `slow` gives it 0.29 of a CPU."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=environment["HERE"]
    )
    assert process.stdin
    process.stdin.write(json.dumps(EVENT).encode())
    process.stdin.close()
    with throttled(process.pid) if slow else nullcontext():
        _, status, used = os.wait4(process.pid, 0)
    assert status == 0, command
    return used.ru_utime + used.ru_stime, time.perf_counter() - begun


@contextmanager
def throttled(pid: int) -> Iterator[None]:
    """While the block runs, the process may run for 0.29 of each period only."""
    over = threading.Event()

    def toggle() -> None:
        with suppress(ProcessLookupError):
            while not over.wait(PERIOD * SHARE):
                os.kill(pid, signal.SIGSTOP)
                over.wait(PERIOD * (1 - SHARE))
                os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=toggle)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def environments(house: House, peer: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What a sandbox of the birthday API finds, and the same for the peer."""
    [service] = [one for one in discover(ROOT).services if one.name == "birthday"]
    code = next(path for path in (house.data / "code").iterdir() if path.is_dir())
    place = {
        "AWS_ENDPOINT_URL": house.running["aws"],
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }
    ours = local_environment(
        service,
        service.function("api"),
        root=str(code),
        manifest=str(code / "manifest.json"),
        place=place,
        fast=False,
    )
    ours |= {"PYTHONPATH": f"{code}:{ROOT / 'src'}", "HERE": str(code), "LOG_LEVEL": "error"}
    secret = names.physical("bday/db-credentials", names.LOCAL_ENV)
    theirs = place | {
        "AWS_REGION": "us-east-2",
        "AWS_DEFAULT_REGION": "us-east-2",
        "DB_SECRET_NAME": secret,
        "PYTHONPATH": str(peer),
        "HERE": str(peer),
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
    }
    return ours, theirs


def measure(runs: dict[str, tuple[list[str | Path], dict[str, str]]], rounds: int, *, slow: bool) -> None:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, (command, environment) in runs.items():
            seconds = cpu(command, environment, slow=slow)
            if turn:  # the first compiles byte code and warms the page cache
                taken[name].append(seconds)
    print("with 0.29 of a CPU (512 MB)" if slow else "with a whole CPU")
    for name, times in taken.items():
        used, wall = (statistics.median(each) for each in zip(*times, strict=True))
        print(f"  {name:38} CPU {used * 1000:7.0f} ms   wall {wall * 1000:7.0f} ms")
    ours, theirs, bare = (statistics.median(used for used, _ in taken[name]) for name in taken)
    print(
        f"  CPU: peer / ours = {theirs / ours:.1f};"
        f" above the interpreter {(theirs - bare) / (ours - bare):.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    interpreter = peers.python(*PACKAGES)
    with tempfile.TemporaryDirectory() as folder:
        peer = Path(folder) / "peer"
        peer.mkdir()
        (peer / "peer.py").write_text(PEER)
        house = House(Path(folder) / "data").up()
        try:
            ours, theirs = environments(house, peer)
            runs: dict[str, tuple[list[str | Path], dict[str, str]]] = {
                "lamppost": ([sys.executable, "-c", OURS], ours),
                "FastAPI + Mangum + boto3 + SQLAlchemy": ([interpreter, "-c", THEIRS], theirs),
                "the bare interpreter": ([sys.executable, "-c", "pass"], ours),
            }
            measure(runs, rounds, slow=False)
            measure(runs, rounds, slow=True)
        finally:
            house.end()


if __name__ == "__main__":
    main()
