"""The birthday service on a real database with a real receiver; only Lambda and SQS are ours here."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from lamppost.declare.events import Batch, Message, Tick
from lamppost.errors import CallerError, SettingMissing
from lamppost.observe.log import Log
from lamppost.observe.metrics import Measured
from services.birthday import api, scheduler, worker

SIGNING_SECRET = "whsec_" + "c2VjcmV0" * 4


class FakeContext:
    """What a handler sees. Its queues are lists of bodies as the wire would carry them."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.request_id = "test"
        self.function = "birthday.test"
        self.stage = "local"
        self.lines: list[dict[str, Any]] = []
        self.log = Log(level=0, write=lambda line: self.lines.append(json.loads(line)))
        self.queues: dict[str, list[Any]] = defaultdict(list)
        self.parameters: dict[str, str] = {}
        self.secrets: dict[str, str] = {"bday/webhook-signing": SIGNING_SECRET}
        self.measured = Measured("birthday", "dev")
        self.left = timedelta(seconds=30)
        self._db: psycopg.Connection[Any] | None = None

    def remaining(self) -> timedelta:
        return self.left

    def transaction(self) -> AbstractContextManager[psycopg.Connection[Any]]:
        return self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[Any]]:
        if self._db is None:
            self._db = psycopg.connect(self.conninfo, autocommit=True)
        with self._db.transaction():
            yield self._db

    def backend_pid(self) -> int:
        """The server process behind this context's connection."""
        with self.transaction() as db:
            return db.info.backend_pid

    def send(self, queue: str, *bodies: Any) -> None:
        self.queues[queue] += [json.loads(msgspec.json.encode(body)) for body in bodies]

    def metric(self, name: str, value: Any, unit: Any = "Count", **dimensions: str) -> None:
        self.measured.put(name, value, unit, dimensions)

    def parameter(self, name: str) -> str:
        return self._setting(self.parameters, name)

    def secret(self, name: str) -> str:
        return self._setting(self.secrets, name)

    def _setting(self, settings: dict[str, str], name: str) -> str:
        if name not in settings:
            raise SettingMissing(f"{name} has no value", fix="set it")
        return settings[name]

    def said(self, message: str) -> list[dict[str, Any]]:
        """The log lines with this message."""
        return [line for line in self.lines if line["message"] == message]

    def close(self) -> None:
        if self._db is not None:
            self._db.close()


class World:
    """The service with its database, its clock and its queues in a test's hands."""

    def __init__(self, database: Any, webhook: str) -> None:
        self.database = database
        self.ctx = FakeContext(database.app)
        self.ctx.parameters["/bday/webhook-url"] = webhook
        self.admin = psycopg.connect(database.admin, autocommit=True)

    def close(self) -> None:
        self.ctx.close()
        self.admin.close()

    def another_context(self) -> FakeContext:
        """A second sandbox: its own connection, the same settings."""
        other = FakeContext(self.database.app)
        other.parameters, other.secrets = self.ctx.parameters, self.ctx.secrets
        return other

    def now_is(self, text: str) -> datetime:
        """Set the system's clock, and leave it running from there."""
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        self.admin.execute("delete from lamppost.clock")
        self.admin.execute("insert into lamppost.clock (shift) values (%s - now())", (at,))
        return at

    def pass_time(self, length: timedelta) -> None:
        self.admin.execute("update lamppost.clock set shift = shift + %s", (length,))

    def create(self, **fields: Any) -> Any:
        """POST /user; the answer as the caller would read it. Refusals raise `CallerError`."""
        given = {
            "firstName": "John",
            "lastName": "Doe",
            "dateOfBirth": "1990-03-15",
            "timezone": "America/New_York",
        }
        body = msgspec.convert({**given, **fields}, api.NewPerson)
        return _read(api.create_user(body, self.ctx))

    def update(self, person: str, **fields: Any) -> Any:
        return _read(api.update_user(UUID(person), msgspec.convert(fields, api.Changes), self.ctx))

    def get(self, person: str) -> Any:
        return _read(api.get_user(UUID(person), self.ctx))

    def delete(self, person: str) -> None:
        api.delete_user(UUID(person), self.ctx)

    def tick(self, ctx: FakeContext | None = None) -> None:
        """The schedule's minute."""
        scheduler.collect_due(Tick(datetime.now(UTC)), ctx or self.ctx)

    def deliver(self, ctx: FakeContext | None = None, *, keep: bool = False) -> Batch[worker.Doorbell]:
        """Hand everything on the queue to the worker, as one batch; `keep` leaves it there, as SQS may."""
        mine = ctx or self.ctx
        batch = batch_of(*self.ctx.queues["bday-messages"])
        if not keep:
            self.ctx.queues["bday-messages"].clear()
        if len(batch):
            worker.deliver(batch, mine)
        return batch

    def minute(self) -> None:
        """A tick and the deliveries it rings for."""
        self.tick()
        self.deliver()

    def greetings(self, columns: str = "year, status, attempts") -> list[tuple[Any, ...]]:
        """Of every occurrence there is: what was sent, and what comes next for each date."""
        return self.admin.execute(
            f"select {columns} from birthday.occurrences order by person_id, year"
        ).fetchall()

    def count(self, table: str) -> int:
        name = table if "." in table else f"birthday.{table}"
        (count,) = self.admin.execute(f"select count(*)::int from {name}").fetchall()
        return int(count[0])


def batch_of(*bodies: Any) -> Batch[worker.Doorbell]:
    """Messages as the runtime hands them over."""
    return Batch(
        [
            Message(f"m{n}", msgspec.convert(body, worker.Doorbell, strict=False), 1, datetime.now(UTC))
            for n, body in enumerate(bodies)
        ]
    )


def refused(error: CallerError) -> tuple[int, str, str]:
    """Status, code and field path of a refusal."""
    return error.status, error.code, error.errors[0].path if error.errors else ""


def _read(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))
