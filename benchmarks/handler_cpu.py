"""How much CPU does one warm request cost in the handler, beside the frameworks others use on Lambda?

    python -m benchmarks.handler_cpu [--requests 2000] [--rounds 5]

The same HTTP API event, `GET /user/{id}`, is handed to the handler in a loop, in a process of its own for
each stack, the stacks in turns: once for somebody who is there (one SELECT, one JSON answer) and once with an
id that is none (no query at all). CPU is the process's own, per request; the server's is left out. Ours does
what it does on AWS: it looks at the caller, decodes, runs the handler under its deadline, and logs one line.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.cold_start import CONTEXT, EVENT, environments
from tests.running import House

COMMON = ("pydantic==2.12.4", "psycopg[binary,pool]==3.3.9")
STACKS = {
    "FastAPI + Mangum": ("fastapi==0.121.2", "mangum==0.19.0", *COMMON),
    "Powertools with validation": ("aws-lambda-powertools==3.23.0", *COMMON),
    "Chalice": ("chalice==1.32.0", *COMMON),
}
LOOP = """
import json, sys, time
told = json.load(sys.stdin)
out = {}
for name, (event, status) in told["events"].items():
    for _ in range(200):
        answer = handler(event, Context())
    assert answer["statusCode"] == status, answer
    begun = time.process_time()
    for _ in range(told["requests"]):
        handler(event, Context())
    out[name] = (time.process_time() - begun) / told["requests"] * 1e6
print(json.dumps(out), file=sys.stderr)
"""
START = f"{CONTEXT}\n    function_version = '1'\n    memory_limit_in_mb = 512\n    log_group_name = 'g'\n"
# As services/birthday/store/people.py asks it.
QUERY = """
select p.id, p.first_name, p.last_name, p.date_of_birth, p.timezone, p.leap_day,
       least((select min(d.due_at) from birthday.dates d where d.person_id = p.id),
             (select min(g.due_at) from birthday.greetings g
               where g.person_id = p.id and g.status = 'waiting')
       ) as next_greeting_at, p.created_at, p.updated_at
  from birthday.people p
 where p.id = %s
"""
POOL = (
    """
import os
from uuid import UUID
from psycopg_pool import ConnectionPool
pool = ConnectionPool(os.environ["DSN"], min_size=1, max_size=1, open=True, kwargs={"autocommit": True})
QUERY = """
    + repr(QUERY)
    + """
"""
)
MODEL = """
from datetime import date, datetime
from pydantic import BaseModel
class Person(BaseModel):
    id: UUID
    firstName: str
    lastName: str
    dateOfBirth: date
    timezone: str
    leapDay: str
    nextGreetingAt: datetime | None
    createdAt: datetime
    updatedAt: datetime
NAMES = tuple(Person.model_fields)
"""
PROGRAMS = {
    "lamppost": START + "from lamppost.runtime.entry import handle as handler\n" + LOOP,
    "FastAPI + Mangum": START
    + POOL
    + MODEL
    + """
import logging
from fastapi import FastAPI, HTTPException
from mangum import Mangum
app, log = FastAPI(), logging.getLogger("app")
@app.get("/user/{id}")
def get_user(id: UUID) -> Person:
    log.warning("request")
    with pool.connection() as db:
        row = db.execute(QUERY, (id,)).fetchone()
    if row is None:
        raise HTTPException(404)
    return Person(**dict(zip(NAMES, row)))
handler = Mangum(app, lifespan="off")
"""
    + LOOP,
    "Powertools with validation": START
    + POOL
    + MODEL
    + """
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
log, app = Logger(service="x"), APIGatewayHttpResolver(enable_validation=True)
@app.get("/user/<id>")
def get_user(id: UUID) -> Person:
    log.info("request")
    with pool.connection() as db:
        row = db.execute(QUERY, (id,)).fetchone()
    if row is None:
        raise NotFoundError("nobody")
    return Person(**dict(zip(NAMES, row)))
def handler(event, context):
    return app.resolve(event, context)
"""
    + LOOP,
    "Chalice": START
    + POOL
    + """
from chalice import Chalice, NotFoundError, BadRequestError
app = Chalice(app_name="x")
NAMES = "id firstName lastName dateOfBirth timezone leapDay nextGreetingAt createdAt updatedAt".split()
@app.route("/user/{id}")
def get_user(id):
    app.log.warning("request")
    try:
        id = UUID(id)
    except ValueError:
        raise BadRequestError("no id")
    with pool.connection() as db:
        row = db.execute(QUERY, (id,)).fetchone()
    if row is None:
        raise NotFoundError("nobody")
    return {name: str(value) for name, value in zip(NAMES, row)}
"""
    # Chalice knows only the older event.
    + """
def handler(event, context):
    http = event["requestContext"]["http"]
    old = {"requestContext": {"httpMethod": http["method"], "resourcePath": "/user/{id}", "identity": {}},
           "pathParameters": event["pathParameters"], "headers": event["headers"], "body": None,
           "multiValueQueryStringParameters": None, "stageVariables": None, "isBase64Encoded": False}
    return app(old, context)
"""
    + LOOP,
}


def events(person: str) -> dict[str, tuple[dict[str, Any], dict[str, int]]]:
    """What is asked, and the status each stack answers with."""

    def event(id: str) -> dict[str, Any]:
        path = f"/user/{id}"
        http = {**EVENT["requestContext"]["http"], "path": path}
        context = {**EVENT["requestContext"], "http": http}
        return {**EVENT, "rawPath": path, "pathParameters": {"id": id}, "requestContext": context}

    refused = {"lamppost": 404, "FastAPI + Mangum": 422, "Powertools with validation": 422, "Chalice": 400}
    return {
        "one row": (event(person), dict.fromkeys(refused, 200)),
        "no query": (event("nonsense"), refused),
    }


def run(program: str, interpreter: Path | str, told: bytes, environment: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(
        [interpreter, "-c", program],
        input=told,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=environment["HERE"],
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    found: dict[str, float] = json.loads(done.stderr.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    interpreters: dict[str, Path | str] = {"lamppost": sys.executable}
    interpreters |= {name: peers.python(*packages) for name, packages in STACKS.items()}
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder) / "data").up()
        try:
            person = house.register()["id"]
            ours, _ = environments(house, Path(folder))
            dsn = house.running["postgres"].rpartition("/")[0] + "/bday"
            theirs = {"DSN": dsn, "HERE": folder, "PATH": os.environ["PATH"], "HOME": folder}
            asked = events(person)
            taken: dict[str, list[dict[str, float]]] = {name: [] for name in PROGRAMS}
            for _ in range(given.rounds):
                for name, program in PROGRAMS.items():
                    wanted = {kind: (event, status[name]) for kind, (event, status) in asked.items()}
                    told = json.dumps({"events": wanted, "requests": given.requests}).encode()
                    environment = {**ours, "LOG_LEVEL": "info"} if name == "lamppost" else theirs
                    taken[name].append(run(program, interpreters[name], told, environment))
        finally:
            house.end()
    for kind in asked:
        mine = statistics.median(one[kind] for one in taken["lamppost"])
        for name, rounds in taken.items():
            middle = statistics.median(one[kind] for one in rounds)
            print(f"{kind:9} {name:28} {middle:7.0f} µs CPU a request   {middle / mine:5.1f} x ours")


if __name__ == "__main__":
    main()
