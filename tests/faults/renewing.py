"""Keys and code that are gone or go by: a deleted secret, new passwords, new keys, functions and releases."""

import json
import secrets
import shutil
import threading
import time
import uuid
from pathlib import Path

from tests.faults.scene import SIGNING, Drill, Scene, callers
from tests.repository import Repository
from tests.running import House, until

# "Secrets deleted: 5 minutes (recover from Secrets Manager)", "Lambda deleted: 5 minutes (redeploy via CDK)".
SECRET = "5 min"
FUNCTION = "5 min"
PASSWORD = "bday/dev/db-credentials"
GRACE = "7d"
NEWER = "alter table shop.orders add column note text not null default '';"


def deleted_secret(scene: Scene) -> Drill:
    """The database's secret is deleted and restored, while requests run.

    Sandboxes that are connected go on; those that start meanwhile answer 503, until it is back.
    """
    person = scene.house.register()["id"]
    manager = scene.client("secretsmanager")
    with callers(scene, person, 3):
        pass
    # Where one caller may meet a sandbox that is not quite done with the last request, others are connected.
    with callers(scene, person, 1) as reading:
        manager.delete_secret(SecretId=PASSWORD, RecoveryWindowInDays=7)
        seen = reading.answers.total()
        until(lambda: reading.answers.total() > seen + 100)
        connected = reading.failed
        scene.start_anew("bday-api", "deleted")
        until(lambda: reading.answers[503] > 0)
        begun = time.monotonic()
        manager.restore_secret(SecretId=PASSWORD)
        reading.more(4)
        seen = reading.answers[200]
        until(lambda: reading.answers[200] > seen)
        seconds = time.monotonic() - begun
    assert (connected, reading.failed) == (0, reading.answers[503]), reading.answers
    besides = {"failed while connected": 0, "503 of new sandboxes": reading.failed}
    return Drill("the database's secret deleted and restored", SECRET, seconds, besides)


def new_password(scene: Scene, rounds: int = 1) -> Drill:
    """The password changes in Secrets Manager's four steps, while requests run and sandboxes start."""
    person = scene.house.register()["id"]
    manager = scene.client("secretsmanager")
    begun = time.monotonic()
    with callers(scene, person) as reading:
        for _ in range(rounds):
            old = json.loads(manager.get_secret_value(SecretId=PASSWORD)["SecretString"])
            token = str(uuid.uuid4())
            manager.put_secret_value(
                SecretId=PASSWORD,
                ClientRequestToken=token,
                SecretString=json.dumps({**old, "password": secrets.token_urlsafe(24)}),
                VersionStages=["AWSPENDING"],
            )
            for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
                event = {"Step": step, "SecretId": PASSWORD, "ClientRequestToken": token}
                scene.invoke("migrator-dev", event)
                # New connections between all steps: the old password opens, then the pending one alone.
                scene.start_anew("bday-api", f"{token} {step}")
                reading.more(1)
            new = json.loads(manager.get_secret_value(SecretId=PASSWORD)["SecretString"])
            assert new["password"] != old["password"]
    seconds = (time.monotonic() - begun) / rounds
    assert reading.failed == 0, reading.answers
    besides = {"requests": reading.answers.total(), "failed": 0, "rotations": rounds}
    return Drill("a new database password under traffic", "", seconds, besides)


def older_password(scene: Scene) -> Drill:
    """The backup is older than the password: nobody gets in, until the migrator is asked."""
    person = scene.house.register()["id"]
    with scene.house.database() as admin:
        admin.execute("alter role bday_app password 'of last week'")
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'bday_app'")
    until(lambda: scene.house.ask("GET", f"/user/{person}").status == 503)
    begun = time.monotonic()
    scene.invoke("migrator-dev", {"action": "apply"})
    until(lambda: scene.serves(person))
    return Drill("a backup older than the password, the migrator asked", "", time.monotonic() - begun)


def new_signing_key(scene: Scene, count: int) -> Drill:
    """Greetings get a new key while they go out: with either key a receiver can check every one of them."""
    scene.anew()
    first, second, third = scene.expect(count, hours=3)
    old = scene.house.run("secrets", "get", SIGNING)["value"].split()[0]
    scene.strike(first)
    begun = time.monotonic()
    going = threading.Thread(target=scene.strike, args=(second,))
    going.start()
    scene.house.run("secrets", "rotate", SIGNING, "--grace", GRACE)
    going.join()
    new = json.loads(scene.house.run("secrets", "get", SIGNING)["value"])["keys"][0]["key"]
    assert new != old
    # A worker may believe its copy for five minutes; one that starts now has the new key.
    scene.start_anew("bday-worker", new[:12].replace("_", "-"))
    scene.audit()
    checked = len(scene.auditor.posts())
    scene.auditor.behave(secret=new)
    scene.strike(third)
    found = scene.audit()
    seconds = time.monotonic() - begun
    scene.trust(new)
    besides = {"due": found["due"], "checked with the old key": checked, "not to be checked": 0}
    return Drill("a new webhook key while greetings go out", "", seconds, besides)


def deleted_functions(scene: Scene) -> Drill:
    """Everything but data and settings is lost; the system is put there again."""
    person = scene.house.register()["id"]
    scene.house.power_cut()
    for part in scene.house.data.iterdir():
        if part.name not in ("postgres", "settings") and part.is_dir():
            shutil.rmtree(part)
    begun = time.monotonic()
    scene.house.up()
    until(lambda: scene.serves(person))
    return Drill("functions deleted, deployed again", FUNCTION, time.monotonic() - begun)


def older_code(folder: Path) -> Drill:
    """A release that added a column goes back; the column stays, and nobody is refused."""
    repository = Repository(folder / "repository")
    house = House(folder / "shop", root=repository.root).up()
    refused = 0

    def says() -> str:
        nonlocal refused
        refused += house.ask("POST", "/order", api="shop").status != 201
        return str(house.ask("GET", "/hello", api="shop").json["says"])

    try:
        repository.migrate("2025-12-01T0900", "note", NEWER)
        repository.change("acts.py", 'GREETING = "hello"', 'GREETING = "hello, newer"')
        until(lambda: says() == "hello, newer")
        begun = time.monotonic()
        (repository.folder / "migrations" / "2025-12-01T0900__shop__note.sql").unlink()
        repository.change("acts.py", 'GREETING = "hello, newer"', 'GREETING = "hello"')
        until(lambda: says() == "hello")
        seconds = time.monotonic() - begun
        with house.database("shop") as database:
            kept = database.execute("select count(*) from shop.orders where note = ''").fetchone()
        # The ledger is ahead of the files, and a system that starts with them has no objection.
        house.down()
        house.up()
        assert says() == "hello"
    finally:
        house.end()
    assert kept is not None
    assert kept[0] > 0
    assert refused == 0
    return Drill("older code over newer tables", "", seconds, {"requests refused": 0})
