"""A whole local system for a test: `lamppost up` as a person starts it, driven from the outside."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg

from tests.furnished import furnish

ROOT = Path(__file__).resolve().parents[1]
LAMPPOST = Path(sys.executable).parent / "lamppost"


class Answer:
    """What came back: `status`, `headers` (lower case), `body` bytes."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class House:
    """A running system on a data folder of its own. `furnished=False` really starts for the first time."""

    def __init__(
        self, data: Path, *, root: Path = ROOT, flags: tuple[str, ...] = (), furnished: bool = True
    ) -> None:
        self.data = data
        self.root = root
        self.flags = flags
        self.furnished = furnished and "--postgres" not in flags
        self.process: subprocess.Popen[bytes] | None = None
        self.running: dict[str, Any] = {}

    def up(self, *more: str, timeout: float = 60) -> "House":
        """Start it and wait until it says that it serves."""
        if self.furnished and not self.data.exists():
            furnish(self.data, self.root, self._first_start)
        self.errors = (self.data.parent / f"{self.data.name}.err").open("ab")
        self.process = subprocess.Popen(
            [
                str(LAMPPOST),
                "up",
                "--json",
                "--port",
                "0",
                "--aws-port",
                "0",
                "--data",
                str(self.data),
                *self.flags,
                *more,
            ],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=self.root,
            start_new_session=True,
        )
        watchdog = threading.Timer(timeout, self.process.kill)
        watchdog.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line:
            raise AssertionError(f"the system did not come up:\n{self.said()}")
        self.running = json.loads(line)
        return self

    def said(self) -> str:
        """What the runner wrote to stderr."""
        return (self.data.parent / f"{self.data.name}.err").read_text()

    def down(self) -> int:
        """Ctrl-C, and wait; its exit code."""
        if self.process is None or self.process.poll() is not None:
            return -1
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(40)

    def power_cut(self) -> None:
        """Kill -9 everything: the runner's process group and PostgreSQL, at one stroke."""
        assert self.process is not None
        for group in {self.process.pid, *self._postgres()}:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self.process.wait()

    def kill(self) -> None:
        """Kill -9 the runner's process group alone; PostgreSQL has a session of its own and lives on."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process is not None and self.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self.down()
        for group in self._postgres():
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _first_start(self, folder: Path) -> None:
        first = House(folder, root=self.root, furnished=False)
        try:
            first.up().down()
            assert not first._postgres(), "a copy of files in use is worth nothing"
        finally:
            first.end()

    def _postgres(self) -> set[int]:
        pid_file = self.data / "postgres" / "cluster" / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            return set()
        return {pid} if str(self.data).encode() in command else set()

    # --- asking

    def ask(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        api: str = "birthday",
    ) -> Answer:
        """One HTTP request to an API (a path) or to any URL. `body` is JSON, or bytes as they are."""
        base = self.running["apis"][api] if url.startswith("/") else ""
        target = (base + url).removeprefix("http://")
        host, _, path = target.partition("/")
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {**({"content-type": "application/json"} if raw is not None else {}), **(headers or {})}
        connection = http.client.HTTPConnection(host, timeout=35)
        try:
            connection.request(method, "/" + path, body=raw, headers=given)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def register(self, **person: str) -> dict[str, Any]:
        """A new person, Ada unless said otherwise."""
        ada = {
            "firstName": "Ada",
            "lastName": "Lovelace",
            "dateOfBirth": "1990-12-10",
            "timezone": "Europe/London",
        }
        answer = self.ask("POST", "/user", {**ada, **person})
        assert answer.status == 201, answer.body
        found: dict[str, Any] = answer.json
        return found

    def inbox(self, limit: int = 10_000) -> list[dict[str, Any]]:
        """What the webhook inbox received, newest first."""
        found: list[dict[str, Any]] = self.ask("GET", f"{self.running['inbox']}?limit={limit}").json
        return found

    def run(self, *arguments: str, ok: bool = True, stdin: str = "") -> Any:
        """A `lamppost` command against this system; its JSON, or the finished process when it may fail."""
        environment = {**os.environ, "LAMPPOST_DATA": str(self.data)}
        done = subprocess.run(
            [str(LAMPPOST), *arguments],
            capture_output=True,
            text=True,
            cwd=self.root,
            env=environment,
            input=stdin,
            timeout=600,
            check=False,
        )
        if not ok:
            return done
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def database(self, name: str = "bday") -> "psycopg.Connection[Any]":
        """An administrator's connection."""
        url = self.running["postgres"].rpartition("/")[0] + f"/{name}"
        return psycopg.connect(url, autocommit=True)

    def logs(self, *functions: str) -> str:
        """Everything these functions said."""
        events = self.run("logs", *functions, "--since", "1d", "--platform", ok=False).stdout
        return str(events)


def until(true: Any, *, within: float = 20.0) -> Any:
    """Wait until `true()` is; its value. An event from another process has no better bell."""
    end = time.monotonic() + within
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("it did not happen in time")
        time.sleep(0.02)


class Receiver:
    """A webhook receiver that answers with `status` and remembers what it got."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.got: list[dict[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length", 0)))
                receiver.got.append(
                    {"id": self.headers["webhook-id"], "body": json.loads(raw), "at": time.time()}
                )
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            # A chunk is posted side by side: a thousand connections knock at once.
            request_queue_size = 2048

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
