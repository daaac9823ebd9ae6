"""Where accidents are rehearsed: a whole local system, an auditor for its webhook, and hours that pass."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import msgspec

from tests.faults.auditor import Auditor
from tests.faults.rows.ground import START, insert
from tests.running import House, until

LAPSE = """
update birthday.chunks
   set leased_until = clock_timestamp() - interval '1 ms'
 where leased_until is not null"""
SETTLED = "select count(*) from birthday.greetings where status = 'delivered' and due_at = %s"
SIGNING = "bday/webhook-signing"


class Drill(msgspec.Struct, frozen=True):
    """An accident that was played: what the seed promises, what it took, and what else there is to say."""

    accident: str
    promised: str
    seconds: float
    besides: Mapping[str, object] = {}


class Scene:
    """A running system whose greetings go to an auditor."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.house = House(folder / "data").up()
        self.auditor = Auditor(folder)
        self.people: list[dict[str, Any]] = []
        self.hour = START
        self.house.run("params", "put", "/bday/webhook-url", self.auditor.hook)
        self.trust(self.house.run("secrets", "get", SIGNING)["value"])
        self.anew()

    def close(self) -> None:
        """Leave nothing behind."""
        self.house.end()
        self.auditor.close()

    def anew(self) -> None:
        """Another play: what was sent before is no part of it."""
        self.auditor.anew()
        self.trust(self._key)
        self.people = []
        self.set_clock(self.hour + timedelta(minutes=1))

    def trust(self, key: str) -> None:
        """The auditor checks with this key from now on."""
        self._key = key
        self.auditor.behave(secret=key)

    def answer_slowly(self, seconds: float) -> None:
        """The webhook takes so long for each greeting, until the next play."""
        self.auditor.behave(secret=self._key, delay=seconds)

    def expect(self, count: int, hours: int) -> list[datetime]:
        """`count` people for each of the next `hours`; the instants at which they are to be greeted."""
        strikes = [self.hour + timedelta(hours=hour) for hour in range(1, hours + 1)]
        with self.house.database() as database:
            for strike in strikes:
                self.people += insert(database, count, strike)
        return strikes

    def strike(self, hour: datetime, *, delivered: bool = True) -> None:
        """It is this hour. With `delivered`, wait until whoever was due is greeted, and that is recorded."""
        self.hour = hour
        self.set_clock(hour)
        if delivered:
            due = sum(person["known"] == (hour - timedelta(minutes=1)).isoformat() for person in self.people)
            until(lambda: self.count(SETTLED, hour) == due, within=120)

    def set_clock(self, at: datetime) -> None:
        """Jump, and tick."""
        self.house.run("clock", "set", at.isoformat().replace("+00:00", "Z"))

    def free(self) -> None:
        """What workers held who are no more comes free now: nobody waits for it here."""
        with self.house.database() as database:
            database.execute(LAPSE)
        with self.house.database("lamppost_local") as queues:
            queues.execute("update local.messages set visible_at = now() where visible_at > now()")

    def heal(self) -> None:
        """Ticks, until nothing is on its way."""
        until(self._is_healed, within=120)

    def _is_healed(self) -> bool:
        self.house.run("invoke", "bday-scheduler")
        return self.count("select count(*) from birthday.chunks") == 0

    def count(self, query: str, *values: object) -> int:
        """A number out of the database bday."""
        with self.house.database() as database:
            (count,) = database.execute(query.encode(), values).fetchone() or (0,)
        return int(count)

    def audit(self) -> dict[str, Any]:
        """What the auditor says of everybody: lost, repeated. Raises when one of them was wronged."""
        found = self.auditor.compare(
            self.house.running["postgres"].rpartition("/")[0] + "/bday", self.people, self.hour
        )
        assert (found["wrong"], found["lost"], found["effects"]) == ([], [], 1), found
        assert found["ids_per_key"] == 1, found
        return found

    def serves(self, person: str) -> bool:
        """Whether the API answers with this person, out of the database."""
        return self.house.ask("GET", f"/user/{person}").status == 200

    def client(self, service: str) -> Any:
        """boto3 on the system's AWS port, as an operator."""
        return boto3.client(
            service,
            endpoint_url=self.house.running["aws"],
            region_name="us-east-2",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )

    def start_anew(self, function: str, mark: str) -> None:
        """New sandboxes for `function`, as after a deploy: they know nothing yet."""
        functions = self.client("lambda")
        known = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        functions.update_function_configuration(
            FunctionName=function, Environment={"Variables": {**known, "DRILL": mark}}
        )

    def invoke(self, function: str, event: dict[str, Any]) -> None:
        """Ask a function for something, and insist on it."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()


class Callers:
    """Some who read one person again and again; `answers` counts the statuses they got."""

    def __init__(self, scene: Scene, person: str) -> None:
        self.answers: Counter[int] = Counter()
        self._scene, self._person = scene, person
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []

    def more(self, count: int) -> None:
        """So many further ones: the system needs new sandboxes for them."""
        fresh = [threading.Thread(target=self._call) for _ in range(count)]
        self._threads += fresh
        for thread in fresh:
            thread.start()
        before = self.answers.total()
        until(lambda: self.answers.total() > before + 10 * len(self._threads))

    @property
    def failed(self) -> int:
        """Of how many requests nothing came."""
        return sum(count for status, count in self.answers.items() if status != 200)

    def _call(self) -> None:
        while not self._ending.is_set():
            status = self._scene.house.ask("GET", f"/user/{self._person}").status
            self.answers[status] += 1
            if status != 200:
                # As a polite client: not at once again.
                time.sleep(0.05)

    def end(self) -> None:
        """Send them home."""
        self._ending.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def callers(scene: Scene, person: str, count: int = 2) -> Iterator[Callers]:
    """Requests without a pause, for as long as the block lasts."""
    made = Callers(scene, person)
    try:
        made.more(count)
        yield made
    finally:
        made.end()
