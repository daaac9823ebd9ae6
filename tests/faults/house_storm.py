"""Two hundred tenants under fire through the whole house, and what came out of it.

A system is up. Sandboxes of the storm's own run the real entries of users and orders, all on four database
sessions (`shared_sessions`), and serve callers drawn by dice; others knock at the real gateway with real
tokens. Meanwhile statements are cancelled, sessions ended, clients cut off, tables locked, transactions led
into deadlocks, handlers broken in the middle and processes killed with -9.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from lamppost.cli.running import ask as order
from lamppost.derive.manifest import read
from tests.faults import house_tenants
from tests.faults.house_recipes import RECIPES
from tests.faults.house_weather import Weather
from tests.faults.shared_sessions import SharedSessions
from tests.running import ROOT, House

SESSIONS = 4
_OPTIONS = (
    "-c statement_timeout=400 -c lock_timeout=300 -c idle_in_transaction_session_timeout=5000 -c TimeZone=UTC"
)
_BROKEN_WALL = "alter policy orders_wall on orders.orders using (true) with check (true)"


def missing_recipes(house: House) -> set[str]:
    """Routes of users and orders for which nobody wrote how to ask, and the other way round."""
    manifest = read((_folder(house) / "manifest.json").read_bytes())
    routes = {
        f"{service.name} {route.key}"
        for service in manifest.services
        for function in service.functions
        for route in function.routes
        if service.name in ("users", "orders")
    }
    return routes ^ set(RECIPES)


class HouseStorm:
    """A run of `requests` by callers of the tenants `homes`, of `tenants` that there are, in `sandboxes`
    processes. `foreign` holds what nobody should have seen.

    `broken` leaves one wall out: policy, session or cursor.
    """

    def __init__(
        self, house: House, *, homes: range, tenants: int, requests: int, seed: int, broken: str = "",
        sandboxes: int = 4,
    ) -> None:  # fmt: skip
        self.house, self.requests, self.seed, self.broken = house, requests, seed, broken
        self.homes, self.tenants, self.sandboxes = homes, tenants, sandboxes
        self.counts: dict[str, Counter[str]] = {}
        self.injected: Counter[str] = Counter()
        self.foreign: list[str] = []
        self.seconds = 0.0
        self._admin = house.database("app")
        self._app = _urls(house)["app"]["app"]
        self._role = urlsplit(self._app).username or ""
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._births = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._enough = threading.Event()

    def seed_tenants(self, tenants: int) -> None:
        """Make `tenants` and everything that is theirs. Two who wait for each other are to find out soon."""
        house_tenants.seed(self._admin, tenants)
        self._admin.execute(f'alter role "{self._role}" set deadlock_timeout = 20'.encode())

    def run(self) -> "HouseStorm":
        """Let it blow until enough requests are answered."""
        if self.broken == "policy":
            self._admin.execute(_BROKEN_WALL.encode())
        self._pooler = SharedSessions(psycopg.conninfo.make_conninfo(self._app, options=_OPTIONS), SESSIONS)
        started = time.monotonic()
        for number in range(self.sandboxes):
            self._start(number)
        dsn = psycopg.conninfo.make_conninfo(self._admin.info.dsn, password=self._admin.info.password)
        weather = Weather(
            dsn, self._role, self._pooler, self._running, tenants=self.tenants, seed=self.seed,
            kills=max(3, self.requests // 500),
        )  # fmt: skip
        self._enough.wait(3600)
        self.seconds = time.monotonic() - started
        self._over.set()
        weather.end()
        self.injected = weather.injected
        for process in self._running():
            process.terminate()
        for process in self._running():
            process.wait(30)
        self._pooler.close()
        return self

    @property
    def answered(self) -> int:
        """Requests that were answered and judged."""
        return sum(self.counts.get("answers", Counter()).values())

    def misplaced(self) -> list[str]:
        """Rows in the wrong tenant."""
        return house_tenants.misplaced(self._admin)

    def foreign_in_sql(self) -> list[str]:
        """Rows that the functions' role is shown of others."""
        with psycopg.connect(self._app, autocommit=True) as app:
            return house_tenants.foreign_in_sql(app, self.tenants)

    def _running(self) -> "list[subprocess.Popen[str]]":
        return list(self._processes.values())

    def _start(self, number: int) -> None:
        """A sandbox, with a reader of its own that starts the next when it dies."""
        self._births += 1
        service = ("orders", "users")[number % 2]
        told = {
            "tenants": self.tenants, "homes": [self.homes.start, self.homes.stop], "service": service,
            "seed": f"{self.seed} {self._births}", "break": self.broken,
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.house_sandbox", json.dumps(told)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT, env=self._environment(service),
        )  # fmt: skip
        self._processes[number] = process
        threading.Thread(target=self._read, args=(number, process), daemon=True).start()

    def _environment(self, service: str) -> dict[str, str]:
        url = urlsplit(self._app)
        folder = _folder(self.house)
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "src"), str(ROOT)]),
            "LAMPPOST_FUNCTION": f"{service}.api",
            "LAMPPOST_STAGE": "local",
            "LAMPPOST_ENV": "dev",
            "LAMPPOST_MANIFEST": str(folder / "manifest.json"),
            "LAMBDA_TASK_ROOT": str(folder),
            "AWS_ENDPOINT_URL": self.house.running["aws"],
            "AWS_REGION": "us-east-2",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "DB_PROXY": "1",
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self._pooler.port),
            "DB_NAME": "app",
            "DB_USER": self._role,
            "DB_PASSWORD": url.password or "",
            "DB_POOL_MAX": "2",
        }

    def _read(self, number: int, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.endswith("\n"):
                break
            told = json.loads(line)
            with self._lock:
                for what, counted in told["counts"].items():
                    self.counts.setdefault(what, Counter()).update(counted)
                self.foreign += told["foreign"]
            if self.answered >= self.requests or len(self.foreign) > 1000:
                self._enough.set()
        code = process.wait()
        if not self._over.is_set():
            if code != -signal.SIGKILL:
                self.foreign.append(f"a sandbox ended with {code}")
                self._enough.set()
            else:
                self._start(number)

    def report(self) -> dict[str, Any]:
        """The figures of this run."""
        return {
            "tenants": self.tenants,
            "seed": self.seed,
            "wall left out": self.broken or "none",
            "requests": self.answered,
            "seconds": round(self.seconds, 1),
            "database sessions": SESSIONS,
            **{what: dict(counted.most_common()) for what, counted in sorted(self.counts.items())},
            "injected": dict(self.injected),
            "foreign": len(self.foreign),
        }


def _folder(house: House) -> Path:
    """The copy of the services that the system runs."""
    return next(path for path in (house.data / "code").iterdir() if (path / "manifest.json").exists())


def _urls(house: House) -> Any:
    return order(house.data, "db/urls")


def up(folder: Path) -> House:
    """A system whose callers may ask as often as they like."""
    from tests.promises import patient
    from tests.repository import copied

    return House(folder / "data", root=patient(copied(folder / "repository"))).up()
