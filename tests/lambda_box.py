"""Lambda's folders on this machine: a function's package, its layers, AWS's runtime client, nothing else.

`/var/task`, `/opt` and `/var/runtime` are folders of a test. The process starts without site-packages, in
Lambda's order of imports, and whatever file of the repository it opens is told.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from queue import Queue
from typing import Any

from lamppost.derive.manifest import read
from lamppost.local.functions.environment import local_environment
from lamppost.pack.assets import Packed
from tests.contracts.fake_settings import respond
from tests.packing import unpack
from tests.running import ROOT

# Lambda's own: its runtime client, with what that imports.
RUNTIME = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
STRAYED = "OUTSIDE THE BOX: "
BOOTSTRAP = f"""
import os, sys
def watch(event, arguments):
    if event in ("open", "import") and str(arguments[event == "import"] or "").startswith({str(ROOT)!r}):
        os.write(2, ("{STRAYED}" + str(arguments) + "\\n").encode())
sys.addaudithook(watch)
task, handler = os.environ["LAMBDA_TASK_ROOT"], os.environ["_HANDLER"]
sys.argv = ["bootstrap", handler]
import awslambdaric.__main__
awslambdaric.__main__.main([task, handler])
"""


class Box:
    """One function's sandbox. It lives until the test ends it."""

    def __init__(self, folder: Path, packed: Packed, function: str, place: dict[str, str]) -> None:
        self._events: Queue[Any] = Queue()
        self._answers: Queue[tuple[str, Any]] = Queue()
        self._log = folder / "log"
        service, name = function.split(".")
        task, opt, runtime = folder / "var/task", folder / "opt", folder / "var/runtime"
        unpack(packed.asset(service).path, task)
        for layer in packed.functions[function]:
            unpack(packed.asset(layer).path, opt)
        _install_runtime(runtime)
        manifest = task / "lamppost.json"
        entry = next(one for one in read(manifest.read_bytes()).services if one.name == service)
        environment = local_environment(
            entry, entry.function(name), root=str(task), manifest=str(manifest), place=place, fast=False
        )
        environment["PYTHONPATH"] = os.pathsep.join(map(str, (task, opt / "python", runtime)))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._runtime_api())
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        environment["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{self._server.server_address[1]}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-s", "-c", BOOTSTRAP],
                cwd=task,
                env=environment,
                stdout=log,
                stderr=log,
            )

    def invoke(self, event: dict[str, Any]) -> Any:
        """The function's answer to `event`."""
        self._events.put(event)
        end, answer = self._answers.get(timeout=60)
        assert end == "response", (answer, self.log())
        return answer

    def log(self) -> str:
        """What it has said."""
        return self._log.read_text()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()

    def _runtime_api(self) -> type[BaseHTTPRequestHandler]:
        box = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                event = box._events.get()
                if event is None:
                    return
                body = json.dumps(event).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 60) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::function:box")
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                respond(self, 202, b"{}")
                box._answers.put((self.path.rpartition("/")[2], body))

            def log_message(self, *args: object) -> None:
                pass

        return Handler


def _install_runtime(folder: Path) -> None:
    for name in RUNTIME:
        found = find_spec(name)
        assert found is not None, name
        assert found.origin is not None, name
        origin = Path(found.origin)
        if origin.name == "__init__.py":
            skipped = shutil.ignore_patterns("__pycache__", "data")
            shutil.copytree(origin.parent, folder / name, ignore=skipped, symlinks=True)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, folder / origin.name)


@contextmanager
def box(folder: Path, packed: Packed, function: str, place: dict[str, str]) -> Iterator[Box]:
    """The sandbox of `function` (`birthday.api`), ended after the test; it never left its folders."""
    made = Box(folder, packed, function, place)
    try:
        yield made
        assert STRAYED not in made.log()
    finally:
        made.close()
