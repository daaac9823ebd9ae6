"""A function in a process of its own, as Lambda keeps one: loaded once, invoked one event at a time.

Nothing of ours stands around it but `runtime.entry`; where its AWS lies, its environment says.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from importlib import import_module
from pathlib import Path
from typing import Any

from lamppost.declare import names
from lamppost.declare.service import System
from lamppost.derive.describe import describe
from lamppost.derive.environment import environment
from lamppost.derive.manifest import write
from tests.poller import FunctionFailed
from tests.running import ROOT

SECONDS = 30


def spawn(module: str, folder: Path, log: Path, variables: dict[str, str]) -> subprocess.Popen[str]:
    """A process that loads functions of the manifest in `folder`, and is ordered about by lines."""
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", module],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "LAMPPOST_MANIFEST": str(folder / "lamppost.json"),
                **variables,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            cwd=ROOT,
            text=True,
        )


class Sandbox:
    """One function of one service. Its log goes to a file in `folder`."""

    def __init__(self, folder: Path, service_module: str, function: str, variables: dict[str, str]) -> None:
        service = import_module(service_module).service
        manifest = describe(System((service,)), {service.name: ""})
        described = manifest.services[0]
        entry = described.function(function)
        (folder / "lamppost.json").write_bytes(write(manifest))
        given = environment(described, entry, stage=names.LOCAL, env=names.LOCAL_ENV)
        if "DB_HOST" in variables:
            del given["DB_SECRET_NAME"]
        self.log = folder / f"{function}.log"
        self._arn = names.function_arn(names.physical(entry.named, names.LOCAL_ENV))
        self._process = spawn("tests.sandbox", folder, self.log, {**given, **variables})

    def invoke(self, event: Any) -> Any:
        """The function's answer. Raises `FunctionFailed` when it raised or died."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"event": event, "arn": self._arn}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise FunctionFailed(self.log.read_text())
        answer = json.loads(line)
        if "error" in answer:
            raise FunctionFailed(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class LambdaContext:
    """What Lambda tells about an invocation."""

    def __init__(self, arn: str) -> None:
        self.invoked_function_arn = arn
        self.aws_request_id = str(uuid.uuid4())
        self._end = time.monotonic() + SECONDS

    def get_remaining_time_in_millis(self) -> int:
        """What is left."""
        return int((self._end - time.monotonic()) * 1000)


def main() -> None:
    """Answer event after event; what the function prints is its log."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from lamppost.runtime import entry

    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = {"result": entry.handle(asked["event"], LambdaContext(asked["arn"]))}
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
