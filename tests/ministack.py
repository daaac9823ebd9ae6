"""ministack: an SQS that we did not write, to judge ours and our services by.

It is installed where it is first needed, in an environment of its own, pinned: its botocore is
not ours. Its project: https://github.com/ministackorg/ministack
"""

import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peers

# Without cryptography it verifies no token, and boto3 is what Lambda's Python brings along for functions.
PACKAGES = ("ministack==1.5.33", "cryptography==50.0.2", "boto3==1.43.106")
REGION = "us-east-2"
# Its own, unless a caller's key says otherwise.
ACCOUNT = "000000000000"
# Its root user's key and secret: where roles are enforced (AUTH=true), nobody else needs no role.
ROOT_KEY = "test"


class Ministack:
    """A running one, with nothing in it.

    `program` starts it otherwise, `variables` join its environment, and with a `certificate` (a file that
    holds the key too) it speaks TLS.
    """

    def __init__(
        self,
        folder: Path,
        *,
        program: tuple[str | Path, ...] = ("-m", "ministack"),
        variables: Mapping[str, str] | None = None,
        certificate: Path | None = None,
    ) -> None:
        self._program = program
        self._variables = dict(variables or {})
        self._certificate = certificate
        if certificate is not None:
            named = {name: str(certificate) for name in ("MINISTACK_SSL_CERT", "MINISTACK_SSL_KEY")}
            self._variables |= {"USE_SSL": "1", **named}
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
        self.url = f"{'https' if self._certificate else 'http'}://127.0.0.1:{port}"
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_python(), *self._program],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "TMPDIR": str(folder),
                    "STATE_DIR": str(folder / "state"),
                    "BIND_HOST": "127.0.0.1",
                    "GATEWAY_PORT": str(port),
                    "MINISTACK_HOST": "127.0.0.1",
                    "MINISTACK_REGION": REGION,
                    "IOT_MTLS_ENABLED": "0",
                    "LOG_LEVEL": "WARNING",
                    **self._variables,
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

    def client(self, service: str, *, key: str = "any", secret: str = "any", token: str = "") -> Any:
        """A plain boto3 client."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            verify=str(self._certificate) if self._certificate else None,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token or None,
            config=Config(retries={"max_attempts": 2}, read_timeout=30),
        )

    def children(self) -> Iterator[dict[str, str]]:
        """The environment of each process that it has started."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        for child in " ".join(thread.read_text() for thread in threads).split():
            with suppress(FileNotFoundError, ProcessLookupError):
                pairs = Path(f"/proc/{child}/environ").read_text().split("\0")
                yield dict(pair.split("=", 1) for pair in pairs if "=" in pair)

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


@contextmanager
def installing(what: str) -> Iterator[None]:
    """Test workers start together: one installs, the others wait."""
    peers.HOME.mkdir(parents=True, exist_ok=True)
    with (peers.HOME / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _python() -> Path:
    with installing("ministack"):
        return peers.python(*PACKAGES)


def _listens(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0
