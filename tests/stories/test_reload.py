"""An author at work: what is saved is served, unless it is wrong; then what was served goes on."""

import json
import threading
from functools import partial

import boto3
import pytest

from tests.repository import Repository, copied
from tests.running import Answer, House, until


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")


@pytest.fixture
def shop(new_house, repository) -> House:
    return new_house(root=repository.root).up()


def says(house: House) -> str | int:
    """What GET /hello says, or its status when it does not."""
    answer = house.ask("GET", "/hello", api="shop")
    return answer.json["says"] if answer.status == 200 else answer.status


def told(house: House, message: str, **fields: str) -> list[dict[str, object]]:
    """The runner's log lines with this message and these texts in their fields."""
    lines = [json.loads(line) for line in house.said().splitlines() if line.startswith("{")]
    return [
        line
        for line in lines
        if line.get("message") == message
        and all(text in str(line.get(name)) for name, text in fields.items())
    ]


def test_a_changed_handler_answers(shop, repository):
    assert says(shop) == "hello"
    repository.change("acts.py", '"hello"', '"good morning"')
    until(lambda: says(shop) == "good morning")
    assert told(shop, "service.reloaded", service="shop")


def test_no_request_fails_while_code_changes(shop, repository):
    done = threading.Event()
    heard: list[str | int] = []

    def ask() -> None:
        while not done.is_set():
            heard.append(says(shop))

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for each in asking:
        each.start()
    for number in range(3):
        repository.change("acts.py", "GREETING = ", f"GREETING = '{number}' # ")
        until(partial(heard.count, str(number)))
    done.set()
    for each in asking:
        each.join()
    assert set(heard) == {"hello", "0", "1", "2"}
    # Nobody hears older code again after newer code.
    assert says(shop) == "2"


def test_a_request_in_work_finishes_with_the_code_it_began_with(shop, repository, tmp_path):
    gate = tmp_path / "gate"
    answers: list[Answer] = []
    asking = threading.Thread(
        target=lambda: answers.append(shop.ask("GET", f"/wait?gate={gate}", api="shop"))
    )
    asking.start()
    until((tmp_path / "gate.begun").exists)
    repository.change("acts.py", '"hello"', '"good morning"')
    until(lambda: says(shop) == "good morning")
    gate.touch()
    asking.join()
    assert answers[0].json == {"says": "hello"}


def test_a_syntax_error_leaves_the_old_code_serving_even_in_new_workers(shop, repository):
    assert says(shop) == "hello"
    repository.change("acts.py", "def hello()", "def hello(")
    (refused,) = until(lambda: told(shop, "reload.refused", error="acts"))
    assert "SyntaxError" in str(refused["error"])
    assert says(shop) == "hello"
    # The worker dies; the next one is started while the broken file lies there.
    assert shop.ask("GET", "/crash", api="shop").status == 500
    assert says(shop) == "hello"
    repository.change("acts.py", "def hello(", "def hello()")
    repository.change("acts.py", '"hello"', '"mended"')
    until(lambda: says(shop) == "mended")


def test_a_new_migration_is_applied_before_the_code_that_needs_it_serves(shop, repository):
    assert says(shop) == "hello"
    table = "create table shop.notes (id int); insert into shop.notes values (42);"
    repository.migrate("2025-11-02T0900", "notes", table)
    repository.change(
        "acts.py",
        'def hello() -> dict[str, str]:\n    return {"says": GREETING}',
        "def hello(ctx: Context) -> dict[str, str]:\n    with ctx.transaction() as db:\n"
        '        return {"says": str(db.execute("select id from shop.notes").fetchone()[0])}',
    )
    heard = []
    until(lambda: heard.append(says(shop)) or heard[-1] == "42")
    # The folder and the file were saved one after the other: at no moment did code run without its table.
    assert set(heard) <= {"hello", "42"}


def test_a_failing_migration_keeps_the_old_code_in_new_workers_too(shop, repository):
    assert says(shop) == "hello"
    repository.migrate("2025-11-02T0900", "broken", "alter table shop.nowhere add column x int;")
    repository.change("acts.py", '"hello"', '"too early"')
    (refused, *_) = until(lambda: told(shop, "reload.refused", error="broken"))
    assert "the code before" in str(refused["serving"])
    assert shop.ask("GET", "/crash", api="shop").status == 500
    assert says(shop) == "hello"
    repository.migrate("2025-11-02T0900", "broken", "alter table shop.orders add column x int;")
    until(lambda: says(shop) == "too early")


def test_a_new_service_appears_under_its_own_segment(shop, repository):
    folder = repository.root / "services" / "bakery"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "acts.py").write_text('def bread() -> dict[str, str]:\n    return {"says": "rye"}\n')
    (folder / "service.py").write_text(
        "from lamppost import Function, Route, Service\nfrom services.bakery import acts\n"
        "service = Service(name='bakery', functions=("
        "Function(name='api', routes=(Route('GET /bread', acts.bread),), database=False),))\n"
    )
    base = shop.running["apis"]["shop"].rpartition("/")[0]
    answer = until(lambda: (it := shop.ask("GET", f"{base}/bakery/bread")).status == 200 and it)
    assert answer.json == {"says": "rye"}
    assert until(lambda: shop.run("status")["running"]["apis"].get("bakery")) == f"{base}/bakery"
    assert says(shop) == "hello"


def test_a_removed_queue_no_longer_wakes_its_function(shop, repository):
    sqs = boto3.client(
        "sqs",
        endpoint_url=shop.running["aws"],
        region_name="us-east-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    url = sqs.get_queue_url(QueueName="shop-parcels")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody='{"id": 1}')
    with shop.database("shop") as database:
        until(lambda: database.execute("select id from shop.parcels").fetchall() == [(1,)])
        repository.change("service.py", "queues=(", "queues=() and (")
        repository.change("service.py", 'sends=("shop-parcels",)', "sends=()")
        until(lambda: told(shop, "service.reloaded"))
        sqs.send_message(QueueUrl=url, MessageBody='{"id": 2}')
        (waiting,) = [q for q in shop.run("queue", "list") if q["name"] == "shop-dev-parcels"]
        assert waiting["visible"] == 1
        assert database.execute("select id from shop.parcels").fetchall() == [(1,)]


def test_the_birthday_service_is_edited_while_it_runs(new_house, tmp_path):
    root = copied(tmp_path / "repository")
    house = new_house(root=root).up()
    person = house.register()
    messages = root / "services" / "birthday" / "messages.py"
    text = messages.read_text()
    first_name = "greeting.first_name,"
    assert text.count(first_name) == 1
    messages.write_text(text.replace(first_name, "greeting.first_name.upper(),"))
    until(lambda: told(house, "service.reloaded", service="birthday"))
    house.run("clock", "set", person["nextGreetingAt"])
    (arrival,) = house.inbox()
    assert arrival["body"]["message"].startswith("Hey, ADA ")


def test_without_reload_nothing_changes_until_the_next_start(new_house, repository):
    house = new_house(root=repository.root, flags=("--no-reload",)).up()
    repository.change("acts.py", '"hello"', '"later"')
    # A new worker too runs the code of the start.
    assert house.ask("GET", "/crash", api="shop").status == 500
    assert says(house) == "hello"
    house.down()
    house.up()
    assert says(house) == "later"
