"""The service `once` on a real database, called within this process as a gateway would call it."""

import json
import os
from pathlib import Path
from typing import Any

import psycopg

from lamppost.testing.databases import TestDatabase
from tests.bad_inputs import Called, event

ONCE = Path(__file__).parent / "data" / "once"
SERVICE = "tests.data.once.services.once.service"
TABLES = (("once", ONCE / "services" / "once" / "migrations"),)


def variables(url: str) -> dict[str, str]:
    """Direct mode's variables for a libpq URL."""
    info = psycopg.conninfo.conninfo_to_dict(url)
    parts = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password"}
    return {f"DB_{name}": str(info[part]) for name, part in parts.items()}


def point_to(url: str) -> None:
    """Lead this process's pool to the database of `url`, until the process ends."""
    os.environ.pop("DB_SECRET_NAME", None)
    os.environ.update(variables(url))


def led_to(database: TestDatabase, monkeypatch: Any) -> None:
    """Lead this process's pool to `database`, as the functions' role, for one test."""
    monkeypatch.delenv("DB_SECRET_NAME", raising=False)
    for name, value in variables(database.app).items():
        monkeypatch.setenv(name, value)


class Shop(Called):
    """One function of `once`; each Shop is a sandbox of its own, on the pool of this process."""

    def __init__(self, function: str = "api") -> None:
        super().__init__(SERVICE, function)

    def ask(
        self,
        route: str,
        name: str = "one",
        *,
        key: str | None = None,
        caller: str | None = "ada",
        wait: float = 0,
        remaining: float = 30,
        more: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The answer to a request of `caller` with a body of this name."""
        _, _, template = route.partition(" ")
        body = json.dumps({"name": name, **({"wait": wait} if wait else {})}).encode()
        given = event(route, body, {"idempotency-key": key} if key is not None else {})
        given["rawPath"] = template.replace("{name}", name)
        given["pathParameters"] = {"name": name}
        given["requestContext"]["http"]["sourceIp"] = "192.0.2.1"
        if caller is not None:
            given["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": caller}}}
        return self.raw({**given, **(more or {})}, remaining=remaining)


def told(answer: dict[str, Any]) -> tuple[int, Any]:
    """Status, and the body or a problem's code."""
    body = json.loads(answer["body"]) if answer["body"] else None
    return answer["statusCode"], body.get("code", body) if isinstance(body, dict) else body
