"""Ten times as many callers as the pool has connections, each with a sandbox's thread, on one pool."""

import threading
import time
from collections import Counter
from typing import Any

import psycopg

from tests.once import Shop

PROBE_SECONDS = 0.01


class Storm:
    """`callers` threads that call `GET /work` over and over; `work` is seconds in the database per call."""

    def __init__(self, admin: str, callers: int, *, work: float) -> None:
        self.statuses: Counter[int] = Counter()
        self.refusals_without_retry_after = 0
        self.most_connections = 0
        self.latencies: list[float] = []
        self.recovered_after = 0.0
        self._admin = admin
        self._work = work
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._callers = [threading.Thread(target=self._call) for _ in range(callers)]

    def blow(self, seconds: float) -> "Storm":
        """Let it blow for so long, then measure how long until a single caller is served as before."""
        watch = threading.Thread(target=self._watch)
        for each in (*self._callers, watch):
            each.start()
        threading.Event().wait(seconds)
        ended = time.monotonic()
        self._over.set()
        # A caller who comes now finds the others' last calls still at work.
        shop = Shop("storm")
        while _call(shop, self._work)[0] != 200:
            time.sleep(PROBE_SECONDS)
        self.recovered_after = time.monotonic() - ended
        for each in (*self._callers, watch):
            each.join()
        return self

    def _call(self) -> None:
        shop = Shop("storm")
        while not self._over.is_set():
            begun = time.monotonic()
            status, headers = _call(shop, self._work)
            with self._lock:
                self.statuses[status] += 1
                self.latencies.append(time.monotonic() - begun)
                if status == 503 and "retry-after" not in headers:
                    self.refusals_without_retry_after += 1

    def _watch(self) -> None:
        with psycopg.connect(self._admin, autocommit=True) as db:
            while not self._over.is_set():
                row = db.execute(
                    "select count(*) from pg_stat_activity where datname = current_database()"
                    " and pid <> pg_backend_pid() and backend_type = 'client backend'"
                ).fetchone()
                self.most_connections = max(self.most_connections, int(row[0]) if row else 0)
                time.sleep(PROBE_SECONDS)


def _call(shop: Shop, work: float) -> tuple[int, dict[str, Any]]:
    answer = shop.ask("GET /work", more={"rawQueryString": f"wait={work}"})
    return answer["statusCode"], answer["headers"]
