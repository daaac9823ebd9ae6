"""Rows 24, 37 and 39, on a whole system: redriving what fails again, SIGTERM under load, and power cuts."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.faults.auditor import Auditor
from tests.faults.rows.conftest import PlayRow
from tests.faults.rows.ground import START, insert
from tests.faults.rows.row import Row
from tests.forms import Form
from tests.letterbox import Letterbox
from tests.running import House, until

pytestmark = pytest.mark.slow
DRAINED_SECONDS = 30
LAPSE = """
update birthday.chunks
   set leased_until = clock_timestamp() - interval '1 ms'
 where leased_until is not null"""


class Home:
    """A running system whose greetings go to an auditor."""

    def __init__(self, folder: Path) -> None:
        self.auditor = Auditor(folder)
        self.house = House(folder / "data").up()
        self.house.run("params", "put", "/bday/webhook-url", self.auditor.hook)
        self.people: list[dict[str, Any]] = []

    def close(self) -> None:
        """Leave nothing behind."""
        self.house.end()
        self.auditor.close()

    def set_clock(self, at: datetime, *, ok: bool = True) -> None:
        """Jump, and tick."""
        self.house.run("clock", "set", at.isoformat().replace("+00:00", "Z"), ok=ok)

    def later(self, at: datetime) -> None:
        """The same, while somebody else goes on."""
        threading.Thread(target=self.set_clock, args=(at,), kwargs={"ok": False}, daemon=True).start()

    def heal(self, *, real_leases: bool = False) -> float:
        """Ticks until nothing is on its way, and how many seconds that took.

        Leases of the dead end at once, unless they are to be waited for; a lost message heals in six minutes.
        """
        begun = time.monotonic()
        try:
            until(lambda: self._is_healed(real_leases), within=420)
        except AssertionError as stuck:
            with self.house.database() as database:
                stuck.add_note(str(database.execute("select * from birthday.chunks").fetchall())[:4000])
            raise
        return time.monotonic() - begun

    def _is_healed(self, real_leases: bool) -> bool:
        if not real_leases:
            with self.house.database() as database:
                database.execute(LAPSE)
        self.house.run("invoke", "bday-scheduler")
        with self.house.database() as database:
            return database.execute("select count(*) from birthday.chunks").fetchone() == (0,)

    def audit(self, row: Row, now: datetime) -> dict[str, Any]:
        """What the auditor says of everybody."""
        dsn = self.house.running["postgres"].rpartition("/")[0] + "/bday"
        found = self.auditor.compare(dsn, self.people, now)
        row.judge(found)
        return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


@pytest.fixture
def home(shared: Home) -> Home:
    """The system, of whose greetings nobody knows yet."""
    shared.auditor.anew()
    shared.people = []
    return shared


def test_sigterm_under_load_drains_and_loses_and_repeats_nothing(
    home: Home, form: Form, play: PlayRow
) -> None:
    with play("37", "SIGTERM while greetings go out and come back slowly") as row:
        strikes, drained = START, []
        for number in range(form.count(short=1, long=15)):
            dice = form.dice(number)
            strikes += timedelta(hours=1)
            home.set_clock(strikes - timedelta(minutes=1))
            with home.house.database() as database:
                home.people += insert(database, 200, strikes)
            home.auditor.behave(delay=dice.uniform(0.2, 1.5))
            home.later(strikes)
            until(lambda: home.auditor.arrived() > 0)
            assert home.house.process is not None
            home.house.process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            assert home.house.process.wait(DRAINED_SECONDS) == 0
            drained.append(time.monotonic() - begun)
            home.house.up()
            row.ran(recovery=home.heal())
        row.more["drained_max"] = f"{max(drained):.1f} s"
        assert home.audit(row, strikes)["duplicates"] == 0


def test_nothing_accepted_is_lost_however_often_the_power_is_cut(
    home: Home, form: Form, play: PlayRow
) -> None:
    with play("39", "kill -9 of everything at once, or of all but PostgreSQL") as row:
        accepted: set[str] = set()
        strikes = START + timedelta(days=10)
        home.auditor.behave(delay=0.05)
        home.set_clock(strikes)
        for cut in range(form.count(short=3, long=100)):
            dice = form.dice(cut)
            strikes += timedelta(hours=1)
            with home.house.database() as database:
                database.execute("set synchronous_commit = on")
                home.people += insert(database, 30, strikes)
            arrived = home.auditor.arrived()
            registering = threading.Thread(target=_register, args=(home.house, accepted, cut))
            registering.start()
            home.later(strikes)
            if cut % 2:
                until(lambda arrived=arrived: home.auditor.arrived() > arrived)
            time.sleep(dice.uniform(0, 0.1 if cut % 2 else 1.2))
            (home.house.power_cut if cut % 3 else home.house.kill)()
            registering.join()
            begun = time.monotonic()
            home.house.up()
            row.ran(kills=1, recovery=time.monotonic() - begun)
        home.set_clock(strikes + timedelta(minutes=1))
        row.more["healed_after_the_last"] = f"{home.heal(real_leases=form.long):.1f} s"
        row.more["accepted"] = len(accepted)
        with home.house.database() as database:
            kept = {str(row[0]) for row in database.execute("select id from birthday.people").fetchall()}
        assert accepted <= kept
        home.audit(row, strikes)


def _register(house: House, accepted: set[str], cut: int) -> None:
    """People whose birthday lies far ahead, until nobody answers."""
    for number in range(200):
        try:
            person = house.register(firstName=f"P{cut} {number}", timezone="Etc/UTC")
        except (OSError, HTTPException, AssertionError):
            return
        accepted.add(person["id"])


class Desk(Letterbox):
    """A queue and its dead letters, and somebody who fails at everything and counts it."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.failed = 0
        self._over = threading.Event()
        self._failing = threading.Thread(target=self._fail)
        self._failing.start()

    def bury(self, count: int) -> None:
        """So many dead letters."""
        for start in range(0, count, 10):
            numbers = range(start, min(start + 10, count))
            entries = [{"Id": str(n), "MessageBody": json.dumps({"number": n})} for n in numbers]
            self.sqs.send_message_batch(QueueUrl=self.dead, Entries=entries)

    def count(self) -> int:
        """Dead letters there are."""
        shown = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["All"])["Attributes"]
        return int(shown["ApproximateNumberOfMessages"])

    def close(self) -> None:
        """Fail no more."""
        self._over.set()
        self._failing.join()

    def _fail(self) -> None:
        while not self._over.is_set():
            found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            handles = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                for n, message in enumerate(found.get("Messages", []))
            ]
            self.failed += len(handles)
            if handles:
                self.sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=handles)


def test_a_redrive_of_what_fails_again_stops_after_ten_and_never_goes_in_a_circle(
    home: Home, form: Form, play: PlayRow
) -> None:
    letters, rate = form.count(short=300, long=10_000), form.count(short=1000, long=500)
    fault = f"a redrive of {letters} dead letters that fail again"
    with play("24", fault) as row, closing(Desk(home.house)) as desk:
        desk.bury(letters)
        done = home.house.run("queue", "redrive", "desk-dlq", "--stop-after", "10", ok=False)
        said = json.loads(done.stdout)
        assert (done.returncode, said["ended"], said["moved"]) == (1, "failing", {"desk": 10})
        until(lambda: desk.count() == letters)
        begun = time.monotonic()
        asked = ("queue", "redrive", "desk-dlq", "--rate", str(rate), "--stop-after", "0")
        assert home.house.run(*asked)["moved"] == {"desk": letters}
        took = time.monotonic() - begun
        # Whoever fails at ten thousand takes his time, too.
        until(lambda: desk.count() == letters, within=300)
        assert desk.failed == letters + 10
        assert took > letters / rate * 0.9
        row.more |= {"moved_before_it_stopped": 10, "rate_asked": rate, "rate": round(letters / took)}
        row.ran()
