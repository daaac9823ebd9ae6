"""Our side of benchmarks.delivery: one round on the whole local system, and what it took."""

import json
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import claim, processes
from tests.running import House

SCHEDULER = "bday-dev-scheduler"
EVENT = {"source": "aws.scheduler", "detail-type": "Scheduled Event", "time": "2026-01-01T00:00:00Z"}
HEADERS = {
    "content-type": "application/json",
    "authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-2/lambda/aws4_request, "
    "SignedHeaders=host, Signature=0",
}
LEFT = "select exists (select from birthday.chunks)"
JUMP = "update lamppost.clock set shift = shift + interval '1 hour'"
SOON = "select lamppost.now() + interval '30 minutes'"
CLOCK = "insert into lamppost.clock (shift) values ('0') on conflict do nothing"
SPREAD = "update birthday.dates set due_at = due_at - random() * interval '10 minutes' where due_at = %s"
# A server that takes four milliseconds more for each chunk.
SLOW = """
create function birthday.wait() returns trigger language plpgsql
    as $$ begin perform pg_sleep(0.004); return new; end $$;
create trigger slow before insert on birthday.chunks for each row execute function birthday.wait()
"""
CLAIMED = """
select (select coalesce(sum(cardinality(members)), 0) from birthday.chunks)
       + (select count(*) from birthday.greetings)
"""
# Of this hour's greetings: how many, of how many people, in how many tries, how many delivered.
DONE = """
select count(*), count(distinct person_id), sum(attempts), count(*) filter (where status = 'delivered')
  from birthday.greetings
 where due_at = %s::timestamptz
"""


class Round(NamedTuple):
    """Seconds since the tick: the scheduler answers, a POST is heard, all is recorded; and CPU seconds."""

    scheduler: float
    first: float
    recorded: float
    cpu: float

    @property
    def worker(self) -> float:
        return self.recorded - self.first


def postmaster(folder: Path) -> int:
    """The process id of the embedded server in `folder`."""
    return int((folder / "cluster" / "postmaster.pid").read_text().split()[0])


class Receiver:
    """The receiver's own process, and what it counted."""

    def __init__(self, port: str) -> None:
        self.port = int(port)
        self.base = f"http://127.0.0.1:{port}"
        self.url = f"{self.base}/hook"

    def count(self) -> dict[str, Any]:
        """Posts, and the instants of the first and the last."""
        return self._ask("/")

    def answer_after(self, seconds: float) -> None:
        """From now on; it counts from nought again."""
        self._ask(f"/?delay={seconds}")

    def _ask(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.base + path) as answer:
            said: dict[str, Any] = json.load(answer)
        return said


class Ours:
    """The running system, its database and its receiver."""

    def __init__(self, house: House, receiver: Receiver) -> None:
        self.receiver = receiver
        self.aws = house.running["aws"]
        self.roots = house.running["pid"], postmaster(house.data / "postgres")
        house.run("params", "put", "/bday/webhook-url", receiver.url)
        self.admin = house.database()
        self.admin.execute(CLOCK)

    def greet(self, people: int, delay: float) -> Round:
        """So many people come due at one instant: one tick, and all that follows."""
        due = self.make_due(people)
        self.receiver.answer_after(delay)
        self.jump()
        cpu = self._cpu()
        began = time.time()
        self.tick()
        scheduler = time.time() - began
        while self.left():
            time.sleep(max(0.004, (time.time() - began) / 100))
        recorded = time.time() - began
        cpu = self._cpu() - cpu
        posts = self.receiver.count()
        assert posts["posts"] == people, f"{posts['posts']} posts for {people} people"
        done = self.admin.execute(DONE, (due,)).fetchall()[0]
        assert done == (people,) * 4, f"{done}, not {people} each once"
        return Round(scheduler, posts["first"] - began, recorded, cpu)

    def tick(self) -> None:
        """The schedule's event, as EventBridge sends it."""
        self._lambda("POST", f"2015-03-31/functions/{SCHEDULER}/invocations", EVENT)

    def _lambda(self, method: str, path: str, body: dict[str, Any]) -> None:
        # Without boto3, whose client would take two milliseconds of our own time.
        request = urllib.request.Request(
            f"{self.aws}/{path}", json.dumps(body).encode(), HEADERS, method=method
        )
        with urllib.request.urlopen(request) as answer:
            said = answer.read()
            assert "X-Amz-Function-Error" not in answer.headers, said

    def make_due(self, people: int) -> str:
        """So many new people, due in half an hour: no tick of the system's own comes before ours."""
        (due,) = self.admin.execute(SOON).fetchall()[0]
        claim.fill(self.admin, people, due.isoformat())
        return str(due.isoformat())

    def jump(self) -> None:
        """Half an hour later."""
        self.admin.execute(JUMP)

    def left(self) -> bool:
        """Whether chunks are on their way."""
        return bool(self.admin.execute(LEFT).fetchall()[0][0])

    def stop_in_time(self, people: int, timeout: int) -> list[tuple[int, float]]:
        """Ticks with a timeout too short for all: how many each claimed, in how many seconds."""
        due = self.make_due(people)
        self.admin.execute(SPREAD, (due,))
        self.admin.execute("vacuum analyze birthday.dates")
        self.admin.execute(SLOW)
        self._lambda("PUT", f"2015-03-31/functions/{SCHEDULER}/configuration", {"Timeout": timeout})
        before = self._claimed()
        self.jump()
        ticks = []
        while sum(each for each, _ in ticks) < people:
            so_far, began = self._claimed(), time.time()
            self.tick()
            ticks.append((self._claimed() - so_far, time.time() - began))
        assert self._claimed() - before == people, "claimed once"
        return ticks

    def _cpu(self) -> float:
        return processes.seconds(set().union(*map(processes.tree, self.roots)))

    def _claimed(self) -> int:
        return int(self.admin.execute(CLAIMED).fetchall()[0][0])
