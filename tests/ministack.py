"""ministack: an SQS that we did not write, to judge ours and our services by.

It is installed where it is first needed, in an environment of its own, pinned: its botocore is
not ours. Its project: https://github.com/ministackorg/ministack
"""

import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peers

PACKAGE = "ministack==1.5.33"
REGION = "us-east-2"


class Ministack:
    """A running one, with nothing in it."""

    def __init__(self, folder: Path) -> None:
        # Another program may take a port between our look and its start: then it dies, and we look again.
        for _ in range(3):
            self._start(folder)
            if self._process.poll() is None:
                return
        raise AssertionError(f"ministack does not start:\n{(folder / 'log').read_text()}")

    def _start(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_python().parent / "ministack"],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "TMPDIR": str(folder),
                    "BIND_HOST": "127.0.0.1",
                    "GATEWAY_PORT": str(port),
                    "MINISTACK_HOST": "127.0.0.1",
                    "MINISTACK_REGION": REGION,
                    "IOT_MTLS_ENABLED": "0",
                    "LOG_LEVEL": "WARNING",
                },
                stdout=log,
                stderr=log,
                cwd=folder,
            )
        end = time.monotonic() + 60
        while self._process.poll() is None and not _listens(port):
            assert time.monotonic() < end, "ministack starts and does not listen"
            time.sleep(0.05)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def client(self, service: str) -> Any:
        """A plain boto3 client."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(retries={"max_attempts": 2}, read_timeout=30),
        )

    def environment(self) -> dict[str, str]:
        """What leads a program's boto3, and our own signed requests, here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
        }


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    """One for all tests of this worker: each makes queues of its own names."""
    running = Ministack(tmp_path_factory.mktemp("ministack"))
    yield running
    running.close()


def _python() -> Path:
    peers.HOME.mkdir(parents=True, exist_ok=True)
    with (peers.HOME / "ministack.lock").open("w") as lock:
        # Test workers start together: one installs, the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return peers.python(PACKAGE)


def _listens(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0
