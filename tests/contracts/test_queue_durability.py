"""A local queue keeps its promises when everything is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lamppost.local.postgres.cluster import Cluster
from lamppost.local.queue_connections import QueuesUnavailable
from lamppost.local.queue_records import Stored, outgoing
from lamppost.local.queues import Queues
from tests.contracts.aws_house import LOCAL_TABLES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A server of the test's own, with fsync, that the test may kill."""
    server = Cluster(tmp_path / "postgres")
    server.launch()
    server.ready()
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        for path in sorted(LOCAL_TABLES[0][1].glob("*.sql")):
            connection.execute(path.read_bytes())
    yield server
    server.stop()


def kill_postgres(folder: Path) -> None:
    pid = int((folder / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)


def restart(server: Cluster) -> None:
    """What the supervisor does when it finds its server dead."""
    while server.alive():
        pass
    server.launch()
    server.ready()


async def everything(queues: Queues) -> list[Stored]:
    found: list[Stored] = []
    while batch := await queues.take("q", limit=100):
        found += batch
    return found


def test_what_was_acknowledged_is_there_after_everything_was_killed(cluster: Cluster, tmp_path: Path) -> None:
    sender = subprocess.Popen(
        [sys.executable, "-m", "tests.contracts.queue_sender", cluster.dsn("postgres")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert sender.stdout is not None
    told = [sender.stdout.readline() for _ in range(200)]
    kill_postgres(tmp_path)
    sender.kill()
    told += sender.stdout.readlines()
    sender.wait()
    acknowledged = {line.strip() for line in told if line.endswith("\n")}

    async def look() -> list[Stored]:
        queues = Queues()
        await queues.open(cluster.dsn("postgres"))
        try:
            return await everything(queues)
        finally:
            await queues.close()

    restart(cluster)
    bodies = [message.body for message in asyncio.run(look())]
    assert acknowledged <= set(bodies)
    assert len(bodies) == len(set(bodies))


def test_a_message_in_flight_when_all_was_killed_comes_back_when_its_visibility_ends(
    cluster: Cluster, tmp_path: Path
) -> None:
    async def take_and_die() -> None:
        queues = Queues()
        await queues.open(cluster.dsn("postgres"))
        await queues.declare("q", visibility=4, keep=3600)
        await queues.send("q", [outgoing("x")])
        assert len(await queues.take("q", limit=1)) == 1
        kill_postgres(tmp_path)

    async def wait_for_it() -> list[Stored]:
        queues = Queues()
        await queues.open(cluster.dsn("postgres"))
        try:
            return await queues.receive("q", limit=1, wait_seconds=20)
        finally:
            await queues.close()

    asyncio.run(take_and_die())
    restart(cluster)
    [message] = asyncio.run(wait_for_it())
    assert (message.body, message.receives) == ("x", 2)


def test_callers_ride_out_a_restart_of_postgresql(cluster: Cluster, tmp_path: Path) -> None:
    async def story() -> list[str]:
        queues = Queues()
        await queues.open(cluster.dsn("postgres"), patience=30)
        await queues.declare("q", visibility=30, keep=3600)
        await queues.send("q", [outgoing("before")])
        kill_postgres(tmp_path)
        sending = asyncio.create_task(queues.send("q", [outgoing("during")]))
        await asyncio.to_thread(restart, cluster)
        try:
            await sending
            return [message.body for message in await everything(queues)]
        finally:
            await queues.close()

    assert sorted(asyncio.run(story())) == ["before", "during"]


def test_callers_hear_of_an_outage_that_lasts(cluster: Cluster) -> None:
    async def story() -> None:
        queues = Queues()
        await queues.open(cluster.dsn("postgres"), patience=0.3)
        await queues.declare("q", visibility=30, keep=3600)
        await asyncio.to_thread(cluster.stop)
        with pytest.raises(QueuesUnavailable):
            await queues.send("q", [outgoing("x")])
        await queues.close()

    asyncio.run(story())
