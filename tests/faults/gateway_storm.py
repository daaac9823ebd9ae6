"""Ten times as many callers as connections, at the real gateway; and PostgreSQL killed while they call.

The functions' role may open `cap` connections and no more, as on a server with few left, while the runner
would start sixteen sandboxes that each want one.
"""

import http.client
import os
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.running import House, until

CAP = 4
CALLERS = 10 * CAP
PROBE_SECONDS = 0.01
# As a polite client, only faster than Retry-After asks: a storm of patient callers would be none.
PAUSE_SECONDS = 0.02
_COUNT = (
    "select count(*) from pg_stat_activity"
    " where usename = %s and application_name like %s"
    " and backend_type = 'client backend' and pid <> pg_backend_pid()"
)


class GatewayStorm:
    """`callers` threads that send `method path` to the service `once` over and over.

    The connections of functions whose name is like `counted` are watched.
    """

    def __init__(
        self, house: House, callers: int, *, method: str, path: str, body: bytes | None = None,
        counted: str = "%",
    ) -> None:  # fmt: skip
        self.house = house
        self.statuses: Counter[int] = Counter()
        self.refusals_without_retry_after = 0
        self.cut = 0
        self.most_connections = 0
        self.latencies: list[float] = []
        self.recovered_after = 0.0
        self.served_after_kill = 0.0
        self._asked = (method, path, body)
        self._counted = counted
        self._role = role_of(house)
        # When the latest request that was served began, and when it ended.
        self._served_begun = self._served_at = 0.0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._callers = [threading.Thread(target=self._call) for _ in range(callers)]

    def limit(self, connections: int) -> "GatewayStorm":
        """Let the functions have so many connections."""
        with self.house.database("once") as db:
            db.execute(f'alter role "{self._role}" connection limit {connections}'.encode())
            # Who was in before may be one of too many: all come in anew.
            db.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (self._role,)
            )
        return self

    def blow(self, seconds: float, *, kill: bool = False) -> "GatewayStorm":
        """Let it blow; with `kill`, PostgreSQL dies in its middle. Then see when a caller is served."""
        watch = threading.Thread(target=self._watch)
        for each in (*self._callers, watch):
            each.start()
        if kill:
            threading.Event().wait(seconds / 2)
            self._kill_postgres()
            threading.Event().wait(seconds / 2)
        else:
            threading.Event().wait(seconds)
        ended = time.monotonic()
        self._over.set()
        line = self._line()
        while self._ask(line) not in (200, 201):
            time.sleep(PROBE_SECONDS)
        self.recovered_after = time.monotonic() - ended
        for each in (*self._callers, watch):
            each.join()
        return self

    def told(self) -> dict[str, Any]:
        """The figures."""
        ordered = sorted(self.latencies)
        return {
            "callers": len(self._callers),
            "answers": dict(sorted(self.statuses.items())),
            "refusals without Retry-After": self.refusals_without_retry_after,
            "connections cut": self.cut,
            "most connections": self.most_connections,
            "p99 s": round(ordered[int(len(ordered) * 0.99)], 2),
            "longest s": round(ordered[-1], 2),
            "served again after the end s": round(self.recovered_after, 3),
            "served again after kill -9 of PostgreSQL s": round(self.served_after_kill, 2),
        }

    def _kill_postgres(self) -> None:
        """Kill it, and wait until one of the callers is served again."""
        pid_file = self.house.data / "postgres" / "cluster" / "postmaster.pid"
        os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: self._served_begun > killed, within=30)
        self.served_after_kill = self._served_at - killed

    def _line(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.house.running["apis"]["once"]).netloc, timeout=35)

    def _call(self) -> None:
        line = self._line()
        while not self._over.is_set():
            begun = time.monotonic()
            status = self._ask(line)
            with self._lock:
                self.latencies.append(time.monotonic() - begun)
            if status not in (200, 201):
                self._over.wait(PAUSE_SECONDS)

    def _ask(self, line: http.client.HTTPConnection) -> int:
        method, path, body = self._asked
        begun = time.monotonic()
        prefix = urlsplit(self.house.running["apis"]["once"]).path
        try:
            line.request(method, prefix + path, body, {"content-type": "application/json"})
            answer = line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            line.close()
            self.cut += 1
            return 0
        with self._lock:
            self.statuses[answer.status] += 1
            if answer.status in (200, 201):
                self._served_begun, self._served_at = begun, time.monotonic()
            else:
                self.refusals_without_retry_after += answer.headers["retry-after"] is None
        return answer.status

    def _watch(self) -> None:
        while not self._over.is_set():
            # PostgreSQL may be away for a while.
            with suppress(psycopg.Error), self.house.database("once") as db:
                while not self._over.wait(PROBE_SECONDS):
                    row = db.execute(_COUNT, (self._role, self._counted)).fetchone()
                    self.most_connections = max(self.most_connections, int(row[0]) if row else 0)


def role_of(house: House) -> str:
    """The functions' role at the database."""
    from lamppost.cli.running import ask

    return urlsplit(ask(house.data, "db/urls")["once"]["app"]).username or ""


def works(house: House) -> GatewayStorm:
    """Callers of a function whose concurrency is reserved: as many sandboxes as connections."""
    return GatewayStorm(house, CALLERS, method="GET", path="/work?wait=0.02", counted="%storm")


def orders(house: House) -> GatewayStorm:
    """Callers of a function that grows to four times as many sandboxes as there are connections."""
    body = b'{"name": "one", "wait": 0.02}'
    return GatewayStorm(house, CALLERS, method="POST", path="/order", body=body).limit(CAP)
