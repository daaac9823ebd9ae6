"""Peers as processes beside us: each with a database of its own, a warm worker and the same greetings."""

import os
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks import peers, processes

HERE = Path(__file__).parent
WAITING = "select exists (select from bench.greetings where status = 'claimed')"
SENT = "select count(*) from bench.greetings where status = 'delivered'"

PGQUEUER = ("pgqueuer==1.6.0", "asyncpg==0.32.0", "httpx==0.28.1", "aiohttp==3.14.5", "uvloop==0.23.0")
PROCRASTINATE = ("procrastinate==3.10.0", "psycopg[binary]==3.3.2", "httpx==0.28.1")
GRAPHILE = ("graphile-worker@0.17.3",)


class Peer(NamedTuple):
    """A queue and a client: how many posts may be under way, and how many jobs it fetches at once."""

    queue: str
    client: str
    concurrency: int
    batch: int

    @property
    def name(self) -> str:
        return f"{self.queue} + {self.client}, {self.concurrency} at once"

    def command(self) -> list[str]:
        """Its interpreter and program; installs what it needs."""
        if self.queue == "graphile-worker":
            return ["node", str(HERE / "on_graphile.mjs")]
        packages = PGQUEUER if self.queue == "pgqueuer" else PROCRASTINATE
        return [str(peers.python(*packages)), str(HERE / f"on_{self.queue}.py")]


class Running:
    """One peer's process."""

    def __init__(self, peer: Peer, server: str, postmaster: int, url: str) -> None:
        self.peer = peer
        self.postmaster = postmaster
        name = f"peer_{peer.queue}_{peer.client}_{peer.concurrency}".replace("-", "_")
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"create database {name}".encode())
        database = server.rpartition("/")[0] + f"/{name}"
        self.admin = psycopg.connect(database, autocommit=True, cursor_factory=psycopg.RawCursor)
        self.admin.execute((HERE / "tables.sql").read_bytes())
        given = (url, peer.client, str(peer.concurrency), str(peer.batch))
        places = {"LAMPPOST_PEER_DATABASE": database}
        if peer.client == "fetch":
            places["LAMPPOST_PEER"] = str(peers.node(*GRAPHILE))
        self.process = subprocess.Popen(
            [*peer.command(), *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **places},
        )
        self._heard("ready")

    def greet(self, people: int) -> tuple[float, float, float]:
        """So many are due: seconds until all are on the queue, until all are recorded, and of CPU."""
        self.admin.execute((HERE / "fill.sql").read_bytes(), (people,))
        self.admin.execute("vacuum analyze")
        before = self._sent()
        cpu = self._cpu()
        began = time.perf_counter()
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        scheduled = float(self._heard(""))
        while self._waiting():
            time.sleep(0.004)
        seconds = time.perf_counter() - began
        cpu = self._cpu() - cpu
        sent = self._sent() - before
        assert sent == people, f"{self.peer.name} sent {sent}"
        return scheduled, seconds, cpu

    def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.admin.close()

    def _cpu(self) -> float:
        return processes.seconds(processes.tree(self.process.pid) | processes.tree(self.postmaster))

    def _heard(self, word: str) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line.startswith(word or "0"), f"{self.peer.name} said {line!r}"
        return line

    def _waiting(self) -> bool:
        return bool(self.admin.execute(WAITING).fetchall()[0][0])

    def _sent(self) -> int:
        return int(self.admin.execute(SENT).fetchall()[0][0])
