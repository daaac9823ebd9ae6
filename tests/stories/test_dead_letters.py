"""A receiver that refuses gets five attempts; then the greeting lies with the dead letters."""

from datetime import datetime

import boto3

from tests.running import House


def test_five_refusals_end_in_the_dead_letters_and_next_year_still_comes(new_house, receiver):
    house: House = new_house().up()
    receiver.status = 500
    house.run("params", "put", "/bday/webhook-url", receiver.url)
    person = house.register()
    house.run("clock", "set", person["nextGreetingAt"])
    assert len(receiver.got) == 1

    house.run("clock", "advance", "5h", "--tick", "5m")

    assert len(receiver.got) == 5
    assert len({got["id"] for got in receiver.got}) == 1
    assert len({got["body"]["timestamp"] for got in receiver.got}) == 1

    (letter,) = house.run("queue", "peek", "bday-messages-dlq")
    assert letter["body"]["userId"] == person["id"]
    sqs = boto3.client(
        "sqs",
        endpoint_url=house.running["aws"],
        region_name="us-east-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    url = sqs.get_queue_url(QueueName="bday-messages-dlq")["QueueUrl"]
    (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert person["id"] in received["Body"]

    again = house.ask("GET", f"/user/{person['id']}").json
    assert (
        datetime.fromisoformat(again["nextGreetingAt"]).year
        == datetime.fromisoformat(person["nextGreetingAt"]).year + 1
    )
    receiver.status = 200
    house.run("clock", "set", again["nextGreetingAt"])
    assert len(receiver.got) == 6
