"""Whoever is on call, at a terminal beside a running system."""

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.running import LAMPPOST, ROOT, House, Receiver, until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Receiver]]:
    """One system and one receiver for all: a worker knows its webhook's URL for a minute."""
    own, listening = House(tmp_path_factory.mktemp("deliveries") / "data"), Receiver()
    own.up().run("params", "put", "/bday/webhook-url", listening.url)
    yield own, listening
    own.end()
    listening.close()


@pytest.fixture
def house(running: tuple[House, Receiver]) -> House:
    running[0].run("clock", "set", "2027-06-01T00:00:00Z")
    with running[0].database() as db:
        db.execute("truncate birthday.people, birthday.greetings, birthday.chunks, lamppost.attempts cascade")
    return running[0]


@pytest.fixture
def hook(running: tuple[House, Receiver]) -> Receiver:
    running[1].got.clear()
    running[1].status = 200
    return running[1]


def die(house: House, hook: Receiver, people: int = 1) -> list[dict[str, Any]]:
    """People whose greetings of 10 June 2027 are dead."""
    made = [house.register(firstName=f"P{n}", dateOfBirth="1990-06-10") for n in range(people)]
    hook.status = 500
    house.run("clock", "set", made[0]["nextGreetingAt"])
    house.run("clock", "advance", "4h", "--tick", "15m")
    assert Counter(each["status"] for each in dead(house)) == {"dead": people}
    hook.got.clear()
    return made


def dead(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.run("deliveries", "list", "--status", "dead", "--limit", "999")[
        "deliveries"
    ]
    return found


def refused(house: House, *arguments: str) -> tuple[int, str]:
    done = house.run(*arguments, ok=False)
    return done.returncode, json.loads(done.stderr)["code"]


def test_what_died_is_looked_at_and_sent_again(house: House, hook: Receiver) -> None:
    (person,) = die(house, hook)
    (delivery,) = dead(house)
    assert delivery["why"] == "no success in 5 tries, the last: status 500"
    told = house.run("deliveries", "show", person["id"])
    assert [(each["attempt"], each["status"]) for each in told["attempts"]] == [(n, 500) for n in range(1, 6)]

    would = house.run("deliveries", "replay", "--failed-since", "1d", "--dry-run")
    assert (would["replayed"], would["counts"][0]["why"]) == (1, "status 500")
    assert hook.got == []

    hook.status = 200
    done = house.run("deliveries", "replay", "--failed-since", "1d")
    assert (done["ended"], done["replayed"]) == ("done", 1)
    until(lambda: hook.got)
    assert hook.got[0]["id"] == "msg_" + delivery["id"].replace("-", "")
    until(lambda: not dead(house))
    assert house.run("deliveries", "replay", delivery["id"])["replayed"] == 0
    assert len(hook.got) == 1
    assert house.run("deliveries", "replay", hook.got[0]["id"], "--delivered")["replayed"] == 1
    until(lambda: len(hook.got) == 2)


def test_more_than_a_hundred_are_not_sent_again_without_a_word(house: House, hook: Receiver) -> None:
    die(house, hook, people=101)
    hook.status = 200
    assert refused(house, "deliveries", "replay", "--failed-since", "1d") == (1, "not_confirmed")
    assert hook.got == []
    limited = house.run("deliveries", "replay", "--failed-since", "1d", "--limit", "30")
    assert (limited["ended"], limited["replayed"]) == ("limit", 30)
    assert house.run("deliveries", "replay", "--failed-since", "1d", "--yes")["replayed"] == 71
    until(lambda: len(hook.got) == 101)
    assert set(Counter(each["id"] for each in hook.got).values()) == {1}


def test_a_replay_that_is_killed_is_finished_by_another(house: House, hook: Receiver) -> None:
    die(house, hook, people=40)
    hook.status = 200
    command = [str(LAMPPOST), "deliveries", "replay", "--failed-since", "1d", "--rate", "25/s", "--yes"]
    environment = {**os.environ, "LAMPPOST_DATA": str(house.data)}
    slow = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    until(lambda: len(hook.got) >= 5)
    slow.send_signal(signal.SIGKILL)
    slow.communicate()
    assert len(dead(house)) > 0, "it was killed in the middle"
    house.run("deliveries", "replay", "--failed-since", "1d", "--rate", "1000")
    until(lambda: len(hook.got) >= 40)
    until(lambda: house.run("deliveries", "ledger")["total"]["delivered"] == 40)
    assert set(Counter(each["id"] for each in hook.got).values()) == {1}


def test_ctrl_c_ends_a_replay_between_two_portions_and_says_how_to_go_on(
    house: House, hook: Receiver
) -> None:
    die(house, hook, people=12)
    hook.status = 200
    command = [str(LAMPPOST), "deliveries", "replay", "--failed-since", "1d", "--rate", "5/s"]
    environment = {**os.environ, "LAMPPOST_DATA": str(house.data)}
    slow = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    until(lambda: hook.got)
    slow.send_signal(signal.SIGINT)
    said, _ = slow.communicate()
    done = json.loads(said)
    assert (slow.returncode, done["ended"]) == (130, "interrupted")
    rest = house.run("deliveries", "replay", "--failed-since", "1d", "--before", done["before"])
    assert done["replayed"] + rest["replayed"] == 12


def test_nothing_goes_out_while_a_person_has_paused(house: House, hook: Receiver) -> None:
    person = house.register(dateOfBirth="1990-06-10")
    said = house.run("deliveries", "pause", "--why", "their deploy", "--who", "kim")
    assert (said["paused"], said["who"]) == (True, "kim")
    house.run("clock", "set", person["nextGreetingAt"])
    house.run("clock", "advance", "2h", "--tick", "15m")
    assert hook.got == []
    (delivery,) = house.run("schedule", "explain", person["id"])["deliveries"]
    assert delivery["why"].endswith("sending is paused by kim: their deploy")
    assert house.run("deliveries", "state")["waiting"] == 1

    assert house.run("deliveries", "resume")["paused"] is False
    until(lambda: hook.got)
    until(lambda: house.run("deliveries", "ledger")["total"]["delivered"] == 1)
    (minute,) = house.run("deliveries", "ledger", "--since", "3h")["minutes"]
    assert (minute["at"], minute["due"], minute["delivered"]) == ("2027-06-10T08:00:00Z", 1, 1)
    assert minute["p50_s"] == minute["p99_s"] > 7000


def test_schedules_are_listed_and_ticked_by_hand(house: House, hook: Receiver) -> None:
    (listed,) = [each for each in house.run("schedule", "list") if each["function"] == "bday-dev-scheduler"]
    assert (listed["every_s"], listed["next"][17:19]) == (60, "00")
    ticked = house.run("schedule", "run", "birthday.scheduler", "--at", "2027-06-01T09:00:00Z")
    assert '"due":"2027-06-01T09:00:00Z"' in ticked["log"]


def test_a_persons_days_are_explained(house: House, hook: Receiver) -> None:
    person = house.register(dateOfBirth="1992-02-29")
    (day,) = house.run("schedule", "explain", person["id"], "--count", "2")["days"]
    assert [each["at"] for each in day["instants"]] == ["2028-02-29T09:00:00Z", "2029-03-01T09:00:00Z"]
    assert house.run("schedule", "tzdata")["found"] == 0


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("deliveries", "show", "junk"), (1, "id_malformed")),
        (("deliveries", "list", "--status", "lost"), (1, "status_unknown")),
        (("deliveries", "list", "--since", "yesterday"), (1, "time_malformed")),
        (("deliveries", "list", "--limit", "0"), (1, "operation_malformed")),
        (("deliveries", "replay"), (1, "replay_unclear")),
        (("deliveries", "replay", "--failed-since", "1d", "--rate", "fast"), (1, "rate_malformed")),
        (("deliveries", "ledger", "--service", "orders"), (1, "operations_missing")),
        (("schedule", "run", "bday-api"), (1, "no_such_schedule")),
        (("schedule", "run", "nobody"), (1, "no_such_function")),
        (("schedule", "explain", "00000000-0000-4000-8000-000000000000"), (1, "person_unknown")),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    house: House, words: tuple[str, ...], refusal: tuple[int, str]
) -> None:
    assert refused(house, *words) == refusal


def test_the_function_is_asked_through_invoke_as_on_aws(
    house: House, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": house.running["aws"],
        "AWS_REGION": "us-east-2",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }.items():
        monkeypatch.setenv(name, value)
    assert house.run("deliveries", "state", "--aws", "bday-operations")["paused"] is False
    assert refused(house, "deliveries", "state", "--aws", "bday-nobody") == (1, "operations_unreachable")
    assert refused(house, "deliveries", "show", "junk", "--aws", "bday-operations") == (1, "id_malformed")
