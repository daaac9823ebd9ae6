"""`lamppost up` ends: what is in work is finished, the exit code says how, and nothing stays behind."""

import os
import signal
import threading
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import boto3
import pytest

from tests.repository import Repository
from tests.running import Answer, House, until


@pytest.fixture
def shop(new_house, tmp_path) -> House:
    return new_house(root=Repository(tmp_path / "repository").root).up()


def gone(house: House) -> bool:
    """Whether no process works on the data any more."""
    return not any(
        str(house.data) in _line(folder) for folder in Path("/proc").iterdir() if folder.name.isdigit()
    )


def _line(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def wait_for(house: House, gate: Path) -> tuple[threading.Thread, list[Answer]]:
    """A request that is in work until `gate` exists."""
    answers: list[Answer] = []

    def ask() -> None:
        with suppress(HTTPException, OSError):
            answers.append(house.ask("GET", f"/wait?gate={gate}", api="shop"))

    asking = threading.Thread(target=ask)
    asking.start()
    until(Path(f"{gate}.begun").exists)
    return asking, answers


def send(house: House, body: str) -> None:
    sqs = boto3.client(
        "sqs",
        endpoint_url=house.running["aws"],
        region_name="us-east-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="shop-parcels")["QueueUrl"], MessageBody=body)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_the_exit_code_says_whether_a_person_interrupted(shop, number, code):
    assert shop.process is not None
    shop.process.send_signal(number)
    assert shop.process.wait(40) == code
    assert gone(shop)
    assert not (shop.data / "up.json").exists()
    assert "Traceback" not in shop.said()


def test_down_stops_it_and_says_which(shop):
    assert shop.process is not None
    told = shop.run("down")
    assert told == {"stopped": shop.running["pid"]}
    assert gone(shop)
    assert shop.process.wait(5) == 0
    again = shop.run("down", ok=False)
    assert again.returncode == 1
    assert '"code":"not_running"' in again.stderr


def test_a_request_in_work_is_answered_before_it_ends(shop, tmp_path):
    asking, answers = wait_for(shop, tmp_path / "gate")
    assert shop.process is not None
    shop.process.terminate()
    until(lambda: _refuses(shop))
    (tmp_path / "gate").touch()
    asking.join()
    assert answers[0].json == {"says": "hello"}
    assert shop.process.wait(40) == 0


def test_a_batch_in_work_is_finished_and_the_rest_waits(shop, tmp_path):
    gate = tmp_path / "gate"
    send(shop, f'{{"id": 1, "gate": "{gate}"}}')
    until((tmp_path / "gate.begun").exists)
    assert shop.process is not None
    shop.process.terminate()
    until(lambda: _refuses(shop))
    gate.touch()
    assert shop.process.wait(40) == 0
    shop.up()
    with shop.database("shop") as database:
        assert database.execute("select id from shop.parcels").fetchall() == [(1,)]
    (parcels,) = [q for q in shop.run("queue", "list") if q["name"] == "shop-dev-parcels"]
    assert parcels["visible"] + parcels["in_flight"] == 0


def test_an_accepted_event_in_work_is_finished(shop):
    accepted = [shop.run("invoke", "shop.reach", "--later", "--payload", KNOCK) for _ in range(3)]
    assert all("request_id" in each for each in accepted)
    assert shop.process is not None
    shop.process.terminate()
    assert shop.process.wait(40) == 0
    shop.up()
    with shop.database("lamppost_local") as home:
        until(lambda: home.execute("select count(*) from local.events").fetchone() == (0,))


KNOCK = '{"service": "sqs", "call": "list_queues", "with": {}}'


def test_who_cannot_wait_interrupts_twice_and_nothing_is_lost(shop, tmp_path):
    order = shop.ask("POST", "/order", {}, api="shop").json["id"]
    asking, _ = wait_for(shop, tmp_path / "gate")
    assert shop.process is not None
    shop.process.send_signal(signal.SIGINT)
    until(lambda: _refuses(shop))

    def interrupted() -> bool:
        # Two within half a second are one wish: wrappers pass a terminal's Ctrl-C on.
        shop.process.send_signal(signal.SIGINT)
        return shop.process.poll() is not None

    until(interrupted)
    assert shop.process.returncode == 130
    asking.join()
    assert gone(shop)
    shop.up()
    with shop.database("shop") as database:
        assert (int(order),) in database.execute("select id from shop.orders").fetchall()


def test_an_interrupt_while_it_starts_leaves_nothing(new_house):
    house: House = new_house(furnished=False)
    starting = threading.Thread(target=lambda: _up_or_not(house))
    starting.start()
    until(lambda: house.process is not None and (house.data / "postgres").exists())
    assert house.process is not None
    house.process.send_signal(signal.SIGINT)
    starting.join()
    assert house.process.wait(40) == 130
    assert gone(house)
    assert "Traceback" not in house.said()
    house.up()
    assert house.ask("GET", house.running["inbox"]).status == 200


def test_a_killed_runner_takes_its_functions_with_it(shop):
    assert shop.process is not None
    os.kill(shop.process.pid, signal.SIGKILL)
    shop.process.wait()
    until(
        lambda: (
            not any(
                "functions.zygote" in _line(f) and str(shop.data) in _cwd(f)
                for f in Path("/proc").glob("[0-9]*")
            )
        )
    )
    stale = shop.run("status", ok=False)
    assert stale.returncode == 1
    assert "nothing runs" in stale.stderr
    shop.up()
    assert shop.ask("POST", "/order", {}, api="shop").status == 201


def _cwd(folder: Path) -> str:
    try:
        return str((folder / "cwd").readlink())
    except OSError:
        return ""


def _refuses(house: House) -> bool:
    try:
        house.ask("GET", "/hello", api="shop")
    except OSError:
        return True
    return False


def _up_or_not(house: House) -> None:
    try:
        house.up()
    except AssertionError:
        pass
