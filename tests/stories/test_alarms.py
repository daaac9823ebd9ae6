"""Alarms in a running system: what is broken for real makes them ring, what is mended lets them clear.

Nobody waits for minutes: an alarm is asked for as it will stand when this minute is over, and later ones.
"""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from tests.running import House


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def states(house: House, minutes: int) -> dict[str, str]:
    """Each alarm's state when so many minutes are over, this one counted, if nothing more happens."""
    while True:
        minute = this_minute()
        found = asked(house, "--at", (minute + timedelta(minutes=minutes)).isoformat())
        if minute == this_minute():
            return {each["name"]: each["state"] for each in found}


def asked(house: House, *how: str) -> list[dict[str, Any]]:
    done: subprocess.CompletedProcess[str] = house.run("alarms", *how, ok=False)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.returncode == int(any(each["state"] == "ALARM" for each in found)), done.stderr
    return found


def test_what_is_broken_rings_and_what_is_mended_clears(new_house, receiver):
    house: House = new_house().up()
    quiet = states(house, 1)
    assert set(quiet.values()) == {"OK", "INSUFFICIENT_DATA"}
    # The two of the database are for AWS only, and are told all the same.
    assert quiet["lamppost-dev-database-cpu"] == quiet["lamppost-dev-database-storage"] == "INSUFFICIENT_DATA"

    for _ in range(4):
        house.run("invoke", "bday-scheduler", "--payload", '{"time": "never"}', ok=False)
    receiver.status = 500
    house.run("params", "put", "/bday/webhook-url", receiver.url)
    person = house.register()
    house.run("clock", "set", person["nextGreetingAt"])
    assert len(receiver.got) == 1
    sqs = boto3.client(
        "sqs",
        endpoint_url=house.running["aws"],
        region_name="us-east-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    dead = sqs.get_queue_url(QueueName="bday-messages-dlq")["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody="{}")

    # Two minutes may have passed since; five-minute sums hold all of them.
    soon = states(house, 1)
    assert soon["bday-dev-scheduler-errors"] == "ALARM"
    assert soon["bday-dev-delivery-failures"] == "ALARM"
    assert soon["bday-dev-messages-dlq-messages"] == "ALARM"
    assert soon["bday-dev-backlog"] == "OK"
    later = states(house, 7)
    assert later["bday-dev-scheduler-errors"] == "OK"
    assert later["bday-dev-delivery-failures"] == "OK"
    # A schedule that has not been heard of for five minutes has stopped.
    assert later["bday-dev-scheduler-silent"] == "ALARM"

    sqs.purge_queue(QueueUrl=dead)
    assert states(house, 2)["bday-dev-messages-dlq-messages"] == "OK"

    # What was measured is still known after a restart, and the share too.
    before = failures(house)
    house.down()
    house.up()
    assert failures(house) == before
    assert states(house, 1)["bday-dev-delivery-failures"] == "ALARM"


def failures(house: House) -> float:
    (row,) = house.run("metrics", "DeliveryFailures")
    return float(row["sum"])


def test_a_function_that_measures_says_one_line_and_the_metric_is_there(house: House):
    house.run("invoke", "bday-scheduler")
    rows = {row["metric"]: row for row in house.run("metrics", "Lamppost/birthday")}
    assert rows["UndeliveredEvents"]["dimensions"] == {"Environment": "dev"}
    assert rows["UndeliveredEvents"]["samples"] >= 1
    assert house.run("metrics", "no such thing") == []
