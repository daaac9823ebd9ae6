"""A desk shared by many tenants: `data/tenants`, its rows marked, its API called within this process."""

import json
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from lamppost.declare.service import System
from lamppost.derive.describe import describe
from lamppost.derive.manifest import FunctionEntry, ServiceEntry
from lamppost.observe.log import Log
from lamppost.runtime.context import LiveContext
from lamppost.runtime.http import HttpFunction
from tests.bad_inputs import Lambda, event

SERVICES = Path(__file__).parent / "data" / "tenants" / "services"
FOLDERS = tuple((name, SERVICES / name / "migrations") for name in ("members", "notes"))

# Every text a tenant writes holds its mark, and no mark holds another.
MARK = re.compile(r"«(\d+)»")

SEED = """
with tenants as (
    insert into members.tenants (id, name)
    select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'tenant «' || n || '»'
      from generate_series(0, %(tenants)s - 1) as n
    returning id, name
), members as (
    insert into members.memberships (tenant_id, subject, role)
    select id, 'person-' || right(id::text, 12)::int, 'owner' from tenants
), folders as (
    insert into notes.folders (tenant_id, title)
    select id, name || ' folder' from tenants returning tenant_id, id, title
)
insert into notes.notes (tenant_id, folder_id, number, title, body)
select tenant_id, id, n, title || ' note ' || n, 'body ' || title
  from folders, generate_series(1, %(notes)s) as n
"""


def tenant_id(number: int) -> UUID:
    """The id of the tenant with this mark."""
    return UUID(f"00000000-0000-4000-8000-{number:012d}")


def marks(text: str) -> set[int]:
    """The tenants whose marks stand in `text`."""
    return {int(found) for found in MARK.findall(text)}


def seed(admin: str, tenants: int, *, notes: int = 8) -> None:
    """Tenants 0 …, each with a person of its number, a folder and notes; as the superuser."""
    with psycopg.connect(admin) as connection:
        connection.execute(SEED, {"tenants": tenants, "notes": notes})


def described() -> tuple[ServiceEntry, FunctionEntry]:
    """The notes service and its API function."""
    services = [
        import_module(f"tests.data.tenants.services.{name}.service").service for name in ("members", "notes")
    ]
    manifest = describe(System(tuple(services)), {service.name: "" for service in services})
    service = manifest.services[1]
    return service, service.function("api")


class Answer:
    """What a caller got, and what the function said about it."""

    def __init__(self, raw: dict[str, Any], lines: list[str]) -> None:
        self.status: int = raw["statusCode"]
        self.text: str = raw["body"]
        self.everything = json.dumps([raw, lines], ensure_ascii=False)
        self.lines = lines

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The problem's code."""
        return str(self.json["code"])


class Desk:
    """One sandbox of the notes API; threads have one each and share the pool of the process."""

    def __init__(self) -> None:
        self._service, self._entry = described()
        import_module(self._entry.module)
        self._http = HttpFunction(self._entry, sys.modules[self._entry.module])

    def context(self, lines: list[str] | None = None, *, subject: str | None = None) -> LiveContext:
        """A context as the runtime makes it, its caller known."""
        live = LiveContext(
            self._service,
            self._entry,
            Lambda(),
            stage="local",
            env="dev",
            log=Log(write=(lines if lines is not None else []).append),
        )
        if subject is not None:
            from lamppost.declare.identity import Caller

            live.identify(Caller(subject))
        return live

    def __call__(
        self,
        person: str | int | None,
        key: str,
        body: Any = None,
        *,
        query: str = "",
        remaining: float = 30,
        headers: dict[str, str] | None = None,
        **path: str | UUID,
    ) -> Answer:
        """The answer to `person` (a number: person-N), who bears a verified token."""
        given = event(
            key,
            None if body is None else json.dumps(body).encode(),
            headers,
            query=query,
            path={name: str(value) for name, value in path.items()},
        )
        if person is not None:
            subject = f"person-{person}" if isinstance(person, int) else person
            given["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": subject}}}
        lines: list[str] = []
        context = Lambda(remaining)
        live = LiveContext(
            self._service, self._entry, context, stage="local", env="dev", log=Log(write=lines.append)
        )
        return Answer(self._http(given, live, context), lines)


Ask = Callable[..., Answer]
