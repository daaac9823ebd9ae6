"""Rows 11 to 14: the database server stops, dies, comes and goes, or says no halfway through."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from lamppost.local.postgres.address import Address
from lamppost.local.postgres.cluster import Cluster
from lamppost.testing.databases import Databases
from tests.contracts.aws_house import LOCAL_TABLES
from tests.faults.rows.conftest import PlayRow
from tests.faults.rows.functions import Run
from tests.faults.rows.ground import Ground, ground, http, records
from tests.faults.rows.postgres_line import Moment
from tests.faults.rows.strikes import STATES, Strikes
from tests.faults.rows.test_rows_killed import CLAIM, SETTLE
from tests.forms import Form
from tests.running import ROOT

ENDINGS = {
    "11 fast restart in the middle of a transaction": signal.SIGINT,
    "11 immediate restart in the middle of a transaction": signal.SIGQUIT,
    "12 kill -9 of PostgreSQL in the middle of a transaction": signal.SIGKILL,
}
PERSON = {"firstName": "Ada", "lastName": "Doe", "dateOfBirth": "1990-12-10", "timezone": "Europe/London"}


class Server:
    """A PostgreSQL of the test's own, with fsync, and the ground on it."""

    def __init__(self, cluster: Cluster, here: Ground) -> None:
        self.cluster, self.here = cluster, here

    def stop(self, how: signal.Signals) -> None:
        """Tell the postmaster; it may take its time."""
        pid = int((self.cluster.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, how)

    def start(self) -> float:
        """As the supervisor does when it finds it dead; seconds until it served."""
        while self.cluster.alive():
            time.sleep(0.002)
        begun = time.monotonic()
        self.cluster.launch()
        self.cluster.ready()
        self.here.connect()
        return time.monotonic() - begun


class Ending:
    """Ends the server while somebody calls the API."""

    def __init__(self, server: Server, how: signal.Signals) -> None:
        self._server, self._how = server, how
        self.caller: Run

    def __call__(self) -> None:
        self.caller = self._server.here.functions.start("api", http("POST /user", PERSON))
        self._server.stop(self._how)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    cluster = Cluster(folder / "postgres")
    cluster.launch()
    cluster.ready()
    database = Databases(Address(cluster.port, cluster.password), ROOT / "services").make(
        ("birthday",), LOCAL_TABLES
    )
    with ground(database, folder) as here:
        yield Server(cluster, here)
    cluster.stop()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_server_that_ends_in_the_middle_of_a_transaction_costs_nothing(
    server: Server, form: Form, play: PlayRow, ending: str
) -> None:
    number, _, name = ending.partition(" ")
    here = server.here
    here.anew()
    with play(number, name) as row:
        restarts = []
        for turn in range(form.count(short=1, long=20)):
            people = here.round()

            end = Ending(server, ENDINGS[ending])
            if turn % 2:
                here.line.at(Moment("COMMIT", after=CLAIM), end)
                struck = here.functions.start("scheduler", here.minute())
            else:
                here.tick()
                here.line.at(Moment(SETTLE, heard=True), end)
                struck = here.functions.start("worker", records(here.take()))
            answer = struck.wait()
            assert here.line.came
            assert answer is not None
            assert "error" in answer
            restarts.append(server.start())
            told = end.caller.wait()["result"]
            assert told["statusCode"] == 201 or (told["statusCode"], told["headers"]["retry-after"]) == (
                503,
                "2",
            )
            here.aws.run(here.aws.queues.release("bday-dev-messages"))
            here.leases_end()
            row.ran(kills=1, recovery=here.heal(people))
        row.more["server_back_max"] = f"{max(restarts):.2f} s"
        here.admin.execute("delete from birthday.people where date_of_birth = '1990-12-10'")
        assert row.audit(here)["most"] <= 2


def test_a_server_that_comes_and_goes_all_the_time_loses_nothing(
    server: Server, form: Form, play: PlayRow
) -> None:
    here = server.here
    here.anew()
    with play("13", "the server is ended at random while greetings go out") as row:
        people = soak(server, row, form)
        here.aws.run(here.aws.queues.release("bday-dev-messages"))
        here.leases_end()
        here.messages_end()
        row.recoveries.append(here.heal(people, within=60))
        row.audit(here)


def soak(server: Server, row: Any, form: Form) -> list[str]:
    """Hours strike, ticks and two workers go round, and every few seconds the server ends; who was due."""
    here, dice = server.here, form.dice()
    over = threading.Event()
    threads = [threading.Thread(target=_again, args=(work, over)) for work in (here.tick, here.deliver)]
    threads.append(threading.Thread(target=_again, args=(here.deliver, over)))
    people: list[str] = []
    for thread in threads:
        thread.start()
    try:
        for _ in range(form.count(short=3, long=40)):
            people += here.round(form.count(short=60, long=150))
            time.sleep(dice.uniform(0.2, form.count(short=1, long=5)))
            server.stop(dice.choice(list(ENDINGS.values())))
            time.sleep(dice.uniform(0, form.count(short=1, long=2)))
            server.start()
            here.leases_end()
            row.ran(kills=1)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return people


def _again(work: Any, over: threading.Event) -> None:
    while not over.wait(0.05):
        # The AWS port says 503 while its own database is away, and boto3 raises.
        with suppress(psycopg.Error, ClientError, BotoCoreError):
            work()


@pytest.fixture(scope="module")
def strikes(field: Ground) -> Strikes:
    return Strikes(field.admin)


@pytest.mark.parametrize("state", [*STATES, "cut"])
def test_an_error_of_the_server_in_the_middle_of_a_transaction_is_tried_again(
    here: Ground, strikes: Strikes, form: Form, play: PlayRow, state: str
) -> None:
    with play(
        "14", f"{state}: {STATES.get(state, 'the connection is cut with the answer on its way')}"
    ) as row:
        struck = 0
        for number in range(form.count(short=4, long=40)):
            dice = form.dice(number)
            people = here.round()
            work = here.tick
            if number % 2:
                here.tick()
                work = here.deliver
            if state == "cut":
                here.line.at(Moment(nth=dice.randint(3, 12), heard=True), lambda: None)
            else:
                strikes.at(dice.randint(1, 3), state)
            work()
            struck += here.line.came if state == "cut" else strikes.came()
            here.line.calm()
            strikes.calm()
            here.leases_end()
            row.ran(recovery=here.heal(people))
        row.more["struck"] = struck
        assert struck >= row.runs
        assert row.audit(here)["most"] <= 2


@pytest.mark.parametrize("state", STATES)
def test_a_caller_is_told_to_come_again_and_nothing_is_stored(
    here: Ground, strikes: Strikes, state: str
) -> None:
    strikes.at(1, state)
    told = here.call("api", http("POST /user", PERSON))
    assert strikes.came()
    assert (told["statusCode"], "retry-after" in told["headers"]) == (503, True), told
    strikes.calm()
    stored = "select count(*) from birthday.people where date_of_birth = '1990-12-10'"
    assert here.admin.execute(stored).fetchone() == (0,)
