"""The main job, from the outside: a person is registered, the minute comes, the webhook has the greeting."""

from datetime import UTC, datetime, timedelta

from tests.running import House, until


def test_a_greeting_arrives_at_nine_where_the_person_lives(new_house):
    house: House = new_house().up()
    person = house.register(dateOfBirth="1990-03-15", timezone="America/New_York")
    due = datetime.fromisoformat(person["nextGreetingAt"])
    house.run("clock", "set", (due - timedelta(minutes=1)).isoformat())
    assert house.inbox() == []

    house.run("clock", "advance", "60s", "--tick", "60s")

    (arrival,) = house.inbox()
    assert arrival["body"] == {
        "message": "Hey, Ada Lovelace it's your birthday",
        "userId": person["id"],
        "eventId": arrival["body"]["eventId"],
        "timestamp": due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert arrival["headers"]["webhook-signature"].startswith("v1,")
    again = house.ask("GET", f"/user/{person['id']}").json
    assert datetime.fromisoformat(again["nextGreetingAt"]).year == due.year + 1


def test_the_schedule_ticks_by_itself_when_the_minute_comes(new_house):
    house: House = new_house().up()
    person = house.register()
    due = datetime.fromisoformat(person["nextGreetingAt"])
    # Half a second before the minute: the clock goes on by itself.
    house.run("clock", "set", (due - timedelta(milliseconds=500)).isoformat())
    (arrival,) = until(house.inbox)
    assert arrival["body"]["userId"] == person["id"]


def test_after_an_outage_everything_unsent_goes_out_once(new_house):
    house: House = new_house().up()
    people = [house.register(firstName=f"P{n}", dateOfBirth=f"1990-12-{n + 1:02d}") for n in range(20)]
    due = datetime.fromisoformat(people[-1]["nextGreetingAt"])
    house.run("clock", "set", (due + timedelta(days=2)).isoformat())
    assert sorted(a["body"]["userId"] for a in house.inbox()) == sorted(p["id"] for p in people)
    assert '\\"late\\":20' in house.logs("bday-worker") or "late" in house.logs("bday-worker")


def test_a_deleted_person_is_not_greeted(new_house):
    house: House = new_house().up()
    person = house.register()
    assert house.ask("DELETE", f"/user/{person['id']}").status == 204
    assert house.ask("GET", f"/user/{person['id']}").status == 404
    house.run("clock", "set", person["nextGreetingAt"])
    assert house.inbox() == []


def test_the_webhook_url_may_change_without_a_restart(new_house, receiver):
    house: House = new_house().up()
    person = house.register()
    house.run("params", "put", "/bday/webhook-url", receiver.url)
    house.run("clock", "set", person["nextGreetingAt"])
    assert [got["body"]["userId"] for got in receiver.got] == [person["id"]]
    assert house.inbox() == []
