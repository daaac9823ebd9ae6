"""The services users and orders within this process, on one database of a test."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lamppost.db import close_pool
from lamppost.declare.service import System
from lamppost.derive.describe import describe
from lamppost.observe.log import Log
from lamppost.runtime.context import LiveContext
from lamppost.runtime.http import HttpFunction
from lamppost.testing.databases import TestDatabase
from tests.bad_inputs import Lambda, event

NAMES = ("users", "orders")


class Answer:
    """What a caller got."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.status: int = raw["statusCode"]
        self.text: str = raw["body"]
        self.headers: dict[str, str] = raw["headers"]

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status, and the problem's code."""
        return self.status, str(self.json["code"])


class App:
    """Both APIs. Each thread that calls is a sandbox of its own; they share the pool of this process."""

    def __init__(self) -> None:
        # Without their rates: who calls here calls often.
        services = [
            msgspec.structs.replace(import_module(f"services.{name}.service").service, rate=None)
            for name in NAMES
        ]
        manifest = describe(System(tuple(services)), {service.name: "" for service in services})
        self._services = {service.name: service for service in manifest.services}
        self._sandbox = threading.local()

    def __call__(
        self,
        person: str | None,
        call: str,
        body: Any = None,
        *,
        query: str = "",
        headers: dict[str, str] | None = None,
        **path: Any,
    ) -> Answer:
        """The answer to `person`, a token's subject. `call` is `users GET /profile`."""
        name, _, key = call.partition(" ")
        service = self._services[name]
        entry = service.function("api")
        given = event(
            key,
            None if body is None else json.dumps(body).encode(),
            headers,
            query=query,
            path={part: str(value) for part, value in path.items()},
        )
        for part, value in path.items():
            given["rawPath"] = given["rawPath"].replace(f"{{{part}}}", str(value))
        if person is not None:
            given["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": person}}}
        context = Lambda(30)
        log = Log(write=lambda line: None)
        return Answer(
            self._http(name)(
                given, LiveContext(service, entry, context, stage="local", env="dev", log=log), context
            )
        )

    def _http(self, name: str) -> HttpFunction:
        apis: dict[str, HttpFunction] = self._sandbox.__dict__
        if name not in apis:
            entry = self._services[name].function("api")
            apis[name] = HttpFunction(entry, import_module(entry.module))
        return apis[name]


@contextmanager
def serving(base: TestDatabase, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[App]:
    """Both APIs on `base`."""
    monkeypatch.chdir(folder)
    for name in ("DB_SECRET_NAME", "DB_SECRET_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", base.app)
    monkeypatch.setenv("DB_POOL_MAX", "8")
    monkeypatch.setattr("lamppost.settings.source.secret", lambda name: f"of {name}")
    close_pool()
    yield App()
    close_pool()
