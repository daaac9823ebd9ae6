"""The service's functions in processes that a test may kill, each run in one of its own.

They are forked from a process that has loaded all they need, so a run costs milliseconds; what runs is
`runtime.entry` and nothing around it. A run waits at the gate until its killer has taken aim.
"""

import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from lamppost.declare import names
from lamppost.declare.service import System
from lamppost.derive.describe import describe
from lamppost.derive.environment import environment
from lamppost.derive.manifest import write
from tests.sandbox import LambdaContext, spawn

SERVICE = "birthday"
# By so many seconds this node's own clock is wrong.
WALL_CLOCK_OFF = "WALL_CLOCK_OFF"
FUNCTIONS = ("api", "scheduler", "worker")


class Run:
    """One invocation in its process."""

    def __init__(self, pid: int, answer: Path) -> None:
        self.pid = pid
        self._answer = answer
        # It can end, and its number be somebody else's, before anybody looks.
        self._handle: int | None = None
        with suppress(ProcessLookupError):
            self._handle = os.pidfd_open(pid)

    def kill(self) -> None:
        """End it with -9."""
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it is over."""
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def wait(self, seconds: float = 60) -> dict[str, Any] | None:
        """`result` or `error` of the invocation; None when it was killed."""
        if self._handle is not None:
            # Not select(), which knows no handle above 1,023.
            watch = select.poll()
            watch.register(self._handle, select.POLLIN)
            if not watch.poll(seconds * 1000):
                raise AssertionError(f"process {self.pid} still runs after {seconds:.0f} s")
            os.close(self._handle)
            self._handle = None
        if not self._answer.exists():
            return None
        answer: dict[str, Any] = json.loads(self._answer.read_bytes())
        self._answer.unlink()
        return answer


class Functions:
    """Starts functions. `variables` lead them to their database and their AWS; logs go to `folder`."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self._folder = folder
        self._count = 0
        self._lock = threading.Lock()
        service = import_module(f"services.{SERVICE}.service").service
        manifest = describe(System((service,)), {SERVICE: ""})
        (folder / "lamppost.json").write_bytes(write(manifest))
        self._orders: dict[str, dict[str, Any]] = {}
        for name in FUNCTIONS:
            entry = manifest.services[0].function(name)
            given = environment(manifest.services[0], entry, stage=names.LOCAL, env=names.LOCAL_ENV)
            del given["DB_SECRET_NAME"]
            arn = names.function_arn(names.physical(entry.named, names.LOCAL_ENV))
            self._orders[name] = {"variables": {**given, **variables}, "arn": arn}
        self.log = folder / "functions.log"
        self._zygote = spawn("tests.faults.rows.functions", folder, self.log, variables)

    def start(
        self, function: str, event: Any, aim: Callable[[Run], Any] = lambda run: None, **variables: str
    ) -> Run:
        """Begin an invocation; before its first instruction `aim` is told who it is."""
        order = self._orders[function]
        given = {"arn": order["arn"], "variables": {**order["variables"], **variables}}
        assert self._zygote.stdout is not None
        with self._lock:
            self._count += 1
            answer = self._folder / f"answer-{self._count}.json"
            self._say({**given, "event": event, "answer": str(answer)})
            run = Run(int(self._zygote.stdout.readline()), answer)
            aim(run)
            self._say("go")
        return run

    def close(self) -> None:
        """End the process that forks."""
        assert self._zygote.stdin is not None
        self._zygote.stdin.close()
        self._zygote.wait(10)

    def _say(self, order: Any) -> None:
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(json.dumps(order) + "\n")
        self._zygote.stdin.flush()


def main() -> None:
    """Fork at every order until nobody orders any more."""
    _load()
    # The dead are nobody's business here: whoever waits for one has a handle of its own.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while line := sys.stdin.readline():
        gate, opener = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            os.read(gate, 1)
            _work(json.loads(line))
        os.close(gate)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        sys.stdin.readline()
        os.close(opener)


def _load() -> None:
    """Everything but the entry, which opens a connection when it is loaded."""
    for module in ("db.pool", "runtime.http", "runtime.batches", "runtime.context", "runtime.identity"):
        import_module(f"lamppost.{module}")
    for function in FUNCTIONS:
        import_module(f"services.{SERVICE}.{function}")
    from lamppost.runtime import queues

    # Two hundred milliseconds of every scheduler's life. It holds no connection yet.
    queues._client()


def _work(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(2, 1)
    os.environ.update(order["variables"])
    if off := float(os.environ.get(WALL_CLOCK_OFF, "0")):
        right = time.time
        time.time = lambda: right() + off
    try:
        from lamppost.runtime import entry

        said = {"result": entry.handle(order["event"], LambdaContext(order["arn"]))}
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    answer = Path(order["answer"])
    beside = answer.with_suffix(".new")
    beside.write_text(json.dumps(said))
    beside.rename(answer)
    os._exit(0)


if __name__ == "__main__":
    main()
