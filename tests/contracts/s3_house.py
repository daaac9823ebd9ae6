"""S3 on a real server, for tests that drive it from outside."""

import asyncio
import base64
import hashlib
import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lamppost.declare import names
from lamppost.declare.bucket import Bucket, Upload
from lamppost.declare.durations import days
from lamppost.declare.service import Function, Service, System
from lamppost.derive.describe import describe
from lamppost.derive.grants import REMOVE, STORE, TELL_MISSING, Grant
from lamppost.local.aws.access import Access
from lamppost.local.aws.port import AwsPort
from lamppost.local.aws.s3 import S3
from lamppost.local.aws.s3_signatures import OPERATOR
from lamppost.local.http import Limits, serve
from lamppost.local.objects import ObjectStore
from lamppost.settings.signing import Keys

FILES = names.bucket("orders-files", "dev")
KEYS = Keys("ASIAFUNCTION", "a-secret-of-the-function", "a-session/of=the+function")
ORIGIN = "https://app.example"


def nothing() -> None: ...


BUCKETS = (
    Bucket("orders-files", "attachments", types=("text/plain", "image/png"), cors=(ORIGIN,)),
    Bucket("orders-letters", "kept a day", keep=days(1)),
)


def checksum_of(body: bytes) -> str:
    """The SHA-256 in base64."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


class Heard:
    """An answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def code(self) -> str:
        """The code of an error in XML."""
        return self.body.decode().partition("<Code>")[2].partition("</Code>")[0]


class S3House:
    """Two buckets on an ephemeral port, in a thread with a loop of its own. `ahead` moves S3's clock."""

    def __init__(self, folder: Path) -> None:
        self.ahead = 0.0
        self.store = ObjectStore(folder / "objects")
        access = Access()
        arn = names.bucket_arn(FILES)
        granted = (
            Grant(STORE, f"{arn}/mine/*", "stores"),
            Grant(TELL_MISSING, arn, "stores"),
            Grant(REMOVE, f"{arn}/mine/drafts/*", "deletes"),
        )
        access.register(KEYS.access, "orders-dev-api", granted, session_token=KEYS.token, secret=KEYS.secret)
        self.s3 = S3(self.store, access, clock=lambda: time.time() + self.ahead)
        service = Service(name="orders", functions=(Function(name="api", handler=nothing),), buckets=BUCKETS)
        self.s3.describe(describe(System((service,)), {"orders": ""}))
        self._access = access
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(30)
        self.url = f"http://127.0.0.1:{self._server.port}"

    async def _open(self) -> Any:
        port = AwsPort((), self._access, self.s3)
        return await serve(port.handler, limits=Limits(too_large=port.too_large))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def ask(
        self, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Heard:
        """One request to a URL of this house, sent as it stands."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)
        try:
            connection.request(
                method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers or {}
            )
            return Heard(connection.getresponse())
        finally:
            connection.close()

    def send(self, upload: Upload, body: bytes, **instead: str) -> Heard:
        """Use a permission as a client would; `instead` replaces headers (`content_type=...`)."""
        headers = {**upload.headers, **{name.replace("_", "-"): value for name, value in instead.items()}}
        return self.ask(upload.method, upload.url, body, headers)

    def client(self, *, keys: Keys = OPERATOR, **config: Any) -> Any:
        """A plain boto3 client."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-2", aws_access_key_id=keys.access,
            aws_secret_access_key=keys.secret, aws_session_token=keys.token,
            config=Config(retries={"max_attempts": 0}, **config),
        )  # fmt: skip


@contextmanager
def s3_house(folder: Path) -> Iterator[S3House]:
    """A house, closed afterwards."""
    house = S3House(folder)
    try:
        yield house
    finally:
        house.close()
