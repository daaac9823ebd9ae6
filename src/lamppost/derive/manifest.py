"""The manifest: a system as plain data, written once by `up` and `synth`, read by whatever runs.

The runner, the stacks and a cold function read this instead of importing `service.py`,
so a cold API never loads the worker's libraries.
"""

from typing import Literal

import msgspec

from lamppost.declare.tenancy import Tenants

Kind = Literal["http", "schedule", "queue", "invoke"]


class RateEntry(msgspec.Struct, frozen=True):
    """A class of routes: a caller's bucket holds `burst` calls and gains one every `step` seconds.

    `count` and `per` (seconds) are as declared; `stage_rate` (requests a second) and `stage_burst` are API
    Gateway's throttle for all callers together.
    """

    name: str
    count: int
    per: float
    step: float
    burst: int
    stage_rate: float
    stage_burst: int


class RouteEntry(msgspec.Struct, frozen=True):
    """One route: `handler` is a name in the function's module. Only a `public` one asks for no token.

    `key_required` says that requests without an Idempotency-Key are refused; `body_limit` is bytes.
    `refuses` lists the handler's own refusals (`404 USER_NOT_FOUND`), None where they are not stated.
    """

    method: str
    path: str
    handler: str
    status: int
    public: bool = True
    scopes: tuple[str, ...] = ()
    key_required: bool = False
    rate: RateEntry | None = None
    body_limit: int | None = None
    refuses: tuple[str, ...] | None = None

    @property
    def key(self) -> str:
        """API Gateway's route key, `GET /user/{id}`."""
        return f"{self.method} {self.path}"


class DatabaseEntry(msgspec.Struct, frozen=True):
    """A database and the logical name of the secret that opens it."""

    name: str
    secret: str


class FunctionEntry(msgspec.Struct, frozen=True):
    """One function. `named` is its logical AWS name; times are seconds; `migrates` names databases."""

    name: str
    named: str
    kind: Kind
    module: str
    handler: str
    routes: tuple[RouteEntry, ...]
    timeout: float
    memory_mb: int
    concurrency: int | None
    internet: bool
    database: bool
    sends: tuple[str, ...]
    reads_parameters: tuple[str, ...]
    reads_secrets: tuple[str, ...]
    migrates: tuple[DatabaseEntry, ...] = ()
    stores: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()


class ScheduleEntry(msgspec.Struct, frozen=True):
    """A function and its pace in seconds."""

    runs: str
    every: int


class QueueEntry(msgspec.Struct, frozen=True):
    """A queue with its dead letters; times are seconds. `runs` names a function of the same service."""

    name: str
    runs: str | None
    batch: int
    concurrency: int
    attempts: int
    keep: int
    dead_keep: int
    visibility: int


class BucketEntry(msgspec.Struct, frozen=True):
    """A bucket: private, encrypted, without versions. `keep` and `answers_keep` are days.

    Objects go `keep` days after they came (never, when it is None), those below `answers` after
    `answers_keep`. `largest` is bytes; pages of the `cors` origins may PUT, GET and HEAD, and
    where there are any, `null` may GET and HEAD: a page that an API sent there for a large answer.
    """

    name: str
    about: str
    keep: int | None
    types: tuple[str, ...]
    largest: int
    cors: tuple[str, ...]
    answers: str
    answers_keep: int


class ParameterEntry(msgspec.Struct, frozen=True):
    """A parameter and the value it starts with on one machine."""

    name: str
    about: str
    local: str | None


class SecretEntry(msgspec.Struct, frozen=True):
    """A secret that is made where it is missing."""

    name: str
    about: str


class AuthorizerEntry(msgspec.Struct, frozen=True):
    """Who may call the API. Times are seconds; `function` is one of the same service."""

    audience: tuple[str, ...]
    lifetime: float
    local: bool
    function: str | None
    cache: float


class CorsEntry(msgspec.Struct, frozen=True):
    """Which pages may call. `origins` may hold `{env}`, `local` ones count on one machine. `max_age`: s."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    credentials: bool
    max_age: int
    local: tuple[str, ...]


class ProblemsEntry(msgspec.Struct, frozen=True):
    """Another shape for refusals: the function that makes it, other statuses by ours, the media type."""

    module: str
    shape: str
    statuses: tuple[tuple[int, int], ...]
    media: str


class AlarmEntry(msgspec.Struct, frozen=True):
    """A limit on a metric of the service's own, or on its share of another in percent. `period`: s."""

    name: str
    about: str
    metric: str
    of: str | None
    over: float
    statistic: str
    period: int
    periods: int


class ServiceEntry(msgspec.Struct, frozen=True):
    """One service. `folder` is where its `migrations/` stand, relative to the repository.

    `idempotency_keep` is how many seconds an answer under an Idempotency-Key is kept. `operations` is the
    function that answers operators.
    """

    name: str
    prefix: str
    about: str
    folder: str
    database: DatabaseEntry | None
    functions: tuple[FunctionEntry, ...]
    schedules: tuple[ScheduleEntry, ...]
    queues: tuple[QueueEntry, ...]
    parameters: tuple[ParameterEntry, ...]
    secrets: tuple[SecretEntry, ...]
    environment: tuple[tuple[str, str], ...]
    authorizer: AuthorizerEntry | None = None
    tenants: Tenants | None = None
    idempotency_keep: float = 86_400.0
    problems: ProblemsEntry | None = None
    cors: CorsEntry | None = None
    buckets: tuple[BucketEntry, ...] = ()
    alarms: tuple[AlarmEntry, ...] = ()
    operations: str | None = None

    def function(self, name: str) -> FunctionEntry:
        """The function called `name`. Raises `KeyError`."""
        for function in self.functions:
            if function.name == name:
                return function
        raise KeyError(name)


class Manifest(msgspec.Struct, frozen=True):
    """A whole system."""

    services: tuple[ServiceEntry, ...]

    def databases(self) -> dict[str, tuple[DatabaseEntry, tuple[ServiceEntry, ...]]]:
        """Database name to its entry and the services that live in it."""
        found: dict[str, tuple[DatabaseEntry, tuple[ServiceEntry, ...]]] = {}
        for service in self.services:
            if service.database is not None:
                entry, lodgers = found.get(service.database.name, (service.database, ()))
                found[service.database.name] = (entry, (*lodgers, service))
        return found


def read(raw: bytes) -> Manifest:
    """The manifest in `raw`. Raises `msgspec.DecodeError` when it is another version's."""
    return msgspec.json.decode(raw, type=Manifest)


def write(manifest: Manifest) -> bytes:
    """`manifest` as JSON, the same bytes for the same system."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1)
