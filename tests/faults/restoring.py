"""Data that are gone: a snapshot brought back, a second before the mistake, one database of several."""

import threading
import time
from datetime import datetime
from uuid import uuid4

from psycopg import sql

from tests.faults.backups import Backups, move
from tests.faults.scene import SETTLED, Drill, Scene
from tests.running import until

# "Database corruption: 30 minutes (restore from snapshot)", of the birthday seed.
SNAPSHOT = "30 min"
SECOND = "any second of 7 days"
UNKNOWN_CHUNK = '{"chunk": "%s"}'


def snapshot(scene: Scene, count: int) -> Drill:
    """Tables are lost; the snapshot of an hour ago takes their place.

    Who was greeted since is greeted once more, by the same webhook-id; nobody else is.
    """
    scene.anew()
    first, second, third = scene.expect(count, hours=3)
    kept = scene.people[0]["id"]
    scene.strike(first)
    backups = Backups(scene.house, scene.folder / "snapshot")
    backups.snapshot()
    scene.strike(second)
    newcomer = scene.house.register()["id"]

    _destroy(scene, "drop schema birthday cascade")
    assert scene.house.ask("GET", f"/user/{kept}").status >= 500
    begun = time.monotonic()
    backups.restore()
    until(lambda: scene.serves(kept))
    seconds = time.monotonic() - begun

    assert not scene.serves(newcomer)
    scene.strike(second)
    scene.strike(third)
    found = _judged(scene, repeated=count)
    backups.forget()
    return Drill("tables dropped, a snapshot restored", SNAPSHOT, seconds, found)


def to_a_second(scene: Scene, count: int) -> Drill:
    """Everybody is deleted by mistake; the database goes back to the second before.

    What was answered until that second is there, and only who was greeted after it is greeted again.
    """
    scene.anew()
    before_it, after_it = scene.expect(count, hours=2)
    backups = Backups(scene.house, scene.folder / "second")
    with backups.followed():
        backups.snapshot()
        scene.strike(before_it)
        newcomer = scene.house.register()["id"]
        before = _now(scene)
        scene.strike(after_it)
        _destroy(scene, "delete from birthday.people")
        assert not scene.serves(newcomer)
        backups.caught_up()
        begun = time.monotonic()
        scene.house.down()
    backups.restore(before)
    until(lambda: scene.serves(newcomer))
    seconds = time.monotonic() - begun

    scene.strike(after_it)
    found = _judged(scene, repeated=count)
    backups.forget()
    return Drill("everybody deleted, back to the second before", SECOND, seconds, found)


def in_the_middle(scene: Scene, count: int, share: float = 0.8) -> Drill:
    """The second that comes back lies in the middle of a delivery: `share` of the greetings had arrived.

    Whose record was in is not greeted again; everybody else is, and the workers of then are never heard of.
    """
    scene.anew()
    (hour,) = scene.expect(count, hours=1)
    scene.answer_slowly(0.05)
    backups = Backups(scene.house, scene.folder / "middle")
    with backups.followed():
        backups.snapshot()
        going = threading.Thread(target=scene.strike, args=(hour,))
        going.start()
        until(lambda: scene.auditor.arrived() >= share * count, within=60)
        before = _now(scene)
        going.join()
        _destroy(scene, "delete from birthday.people")
        backups.caught_up()
        begun = time.monotonic()
        scene.house.down()
    backups.restore(before)
    until(lambda: scene.serves(scene.people[0]["id"]))
    seconds = time.monotonic() - begun

    recorded = scene.count(SETTLED, hour)
    scene.free()
    scene.strike(hour, delivered=False)
    found = _judged(scene, repeated=count - recorded)
    backups.forget()
    return Drill("back to a second in the middle of a delivery", SECOND, seconds, found)


def one_database(scene: Scene, count: int) -> Drill:
    """One database of the server is damaged; the others, and the queues, go on where they are.

    The snapshot stands beside as a server of its own, and the database comes over by a dump. Its transactions
    are none of this server's, and messages on the queue name chunks that it does not know.
    """
    scene.anew()
    first, second, third = scene.expect(count, hours=3)
    kept = scene.people[0]["id"]
    scene.strike(first)
    backups = Backups(scene.house, scene.folder / "beside")
    backups.snapshot()
    scene.strike(second)
    _destroy(scene, "drop table birthday.dates cascade")

    begun = time.monotonic()
    with backups.beside() as server:
        live = scene.house.running["postgres"].rpartition("/")[0]
        with scene.house.database("postgres") as admin:
            admin.execute("create database bday_restored owner bday_migrator")
        move("bday", server.dsn("").rpartition("/")[0], live)
    refused = _change_places(scene)
    scene.invoke("migrator-dev", {"action": "apply"})
    until(lambda: scene.serves(kept))
    seconds = time.monotonic() - begun

    sqs = scene.client("sqs")
    url = sqs.get_queue_url(QueueName="bday-messages")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=UNKNOWN_CHUNK % uuid4())
    scene.strike(second)
    scene.strike(third)
    found = _judged(scene, repeated=count)
    assert scene.count("select count(*) from birthday.letters") == 0
    backups.forget()
    with scene.house.database("postgres") as admin:
        admin.execute("drop database bday_damaged")
    besides = {**found, "closed for": f"{refused:.2f} s"}
    return Drill("one database of several brought over from a snapshot", SNAPSHOT, seconds, besides)


def _change_places(scene: Scene) -> float:
    """Put the restored database in the damaged one's place; how many seconds nobody could get in."""
    with scene.house.database("postgres") as admin:
        begun = time.monotonic()
        admin.execute("alter database bday with allow_connections false")
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'bday'")
        for old, new in (("bday", "bday_damaged"), ("bday_restored", "bday")):
            admin.execute(
                sql.SQL("alter database {} rename to {}").format(sql.Identifier(old), sql.Identifier(new))
            )
        return time.monotonic() - begun


def _destroy(scene: Scene, statement: str) -> None:
    with scene.house.database() as admin:
        admin.execute(statement.encode())


def _now(scene: Scene) -> datetime:
    """The server's own clock, which recovery goes by."""
    with scene.house.database() as admin:
        (now,) = admin.execute("select clock_timestamp()").fetchone() or (None,)
    assert isinstance(now, datetime)
    return now


def _judged(scene: Scene, *, repeated: int) -> dict[str, object]:
    """Nobody was lost, and exactly so many were greeted twice."""
    scene.heal()
    found = scene.audit()
    assert found["duplicates"] == repeated, found
    return {"due": found["due"], "lost": 0, "greeted again": repeated}
