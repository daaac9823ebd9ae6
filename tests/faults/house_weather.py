"""What goes wrong while the house storm blows: each a thread, until somebody says that it is over."""

import random
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg

from tests.faults.house_marks import row_id
from tests.faults.shared_sessions import SharedSessions

# Seconds from one kill -9 to the next: each costs the start of a process.
_PAUSE = (1.0, 2.5)
_RUNNING = (
    "select pid from pg_stat_activity where usename = %s and datname = current_database()"
    " and pid <> pg_backend_pid()"
)
Running = Callable[[], "list[subprocess.Popen[str]]"]


class Weather:
    """Trouble for the functions' `role` on the database of `dsn`; `injected` counts it."""

    def __init__(
        self, dsn: str, role: str, pooler: SharedSessions, running: Running, *, tenants: int, seed: int,
        kills: int,
    ) -> None:  # fmt: skip
        self.injected: Counter[str] = Counter()
        self._dsn, self._role, self._pooler = dsn, role, pooler
        self._tenants, self._seed, self._running, self._kills = tenants, seed, running, kills
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=each) for each in (self._interfere, self._lead_into_deadlocks, self._kill)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop, and wait for it."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _interfere(self) -> None:
        """Cancel, end, cut and lock."""
        dice = random.Random(self._seed)
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            while not self._over.wait(0.02):
                sessions = [pid for (pid,) in admin.execute(_RUNNING, (self._role,)).fetchall()]
                chance = dice.random()
                if chance < 0.01:
                    self._hold_a_table(admin, dice)
                elif chance < 0.12:
                    self.injected["clients cut off"] += self._pooler.cut(dice)
                elif sessions:
                    ends = chance < 0.25
                    statement = "select pg_terminate_backend(%s)" if ends else "select pg_cancel_backend(%s)"
                    admin.execute(statement, (dice.choice(sessions),))
                    self.injected["sessions ended" if ends else "statements cancelled"] += 1

    def _hold_a_table(self, admin: "psycopg.Connection[Any]", dice: random.Random) -> None:
        """Nobody gets at a table for longer than a statement may take."""
        with admin.transaction():
            admin.execute("set local lock_timeout = '200ms'")
            try:
                with admin.transaction():
                    table = dice.choice(("orders.lines", "users.organisations", "orders.orders"))
                    admin.execute(f"lock table {table} in access exclusive mode".encode())
                    admin.execute("select pg_sleep(0.45)")
                    self.injected["tables held"] += 1
            except psycopg.errors.LockNotAvailable:
                return

    def _lead_into_deadlocks(self) -> None:
        """Take an order's lines, then the order: the other way round than who changes it."""
        dice = random.Random(self._seed + 1)
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            admin.execute("set deadlock_timeout = '5s'")
            admin.execute("set lock_timeout = '250ms'")
            while not self._over.wait(0.01):
                ids = [row_id(dice.randrange(self._tenants), k) for k in range(1, 9) for _ in range(40)]
                try:
                    with admin.transaction():
                        admin.execute("select from orders.lines where order_id = any(%s) for update", (ids,))
                        admin.execute("select pg_sleep(0.03)")
                        admin.execute("select from orders.orders where id = any(%s) for update", (ids,))
                    self.injected["locks taken backwards"] += 1
                except psycopg.Error:
                    self.injected["locks taken backwards, and lost"] += 1

    def _kill(self) -> None:
        dice = random.Random(self._seed + 2)
        # So many, however slow the machine is: where it is busy, sandboxes would die before they serve.
        while self.injected["sandboxes killed"] < self._kills and not self._over.wait(dice.uniform(*_PAUSE)):
            dice.choice(self._running()).kill()
            self.injected["sandboxes killed"] += 1
