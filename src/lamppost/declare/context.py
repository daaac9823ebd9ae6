"""The Context a handler sees. `runtime.context` is the one that runs."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from psycopg import Connection

    from lamppost.declare.alarms import Unit
    from lamppost.declare.bucket import Objects
    from lamppost.declare.identity import Caller
    from lamppost.declare.tenancy import Tenants
    from lamppost.observe.log import Log


class Context(Protocol):
    """What a handler may use besides its input."""

    @property
    def request_id(self) -> str:
        """Lambda's id of this invocation; it is in every log line."""
        ...

    @property
    def trace_id(self) -> str:
        """The trace this is a part of, 32 hex digits: in every log line, and in `x-trace-id` of answers."""
        ...

    @property
    def function(self) -> str:
        """The function's logical name, `birthday.api`."""
        ...

    @property
    def kind(self) -> str:
        """What runs this function: `http`, `queue`, `schedule`, or `invoke` for a person's command."""
        ...

    @property
    def tenants(self) -> "Tenants":
        """Where the service's memberships are, as declared. Raises `AuthorError` where it has none."""
        ...

    @property
    def caller(self) -> "Caller":
        """Who calls, as the verified token says. Raises a 401 where the route let a stranger in."""
        ...

    @property
    def stage(self) -> str:
        """`local`, `dev`, `prod`, `pr-12`."""
        ...

    @property
    def log(self) -> "Log":
        """Facts in the past tense, with fields: `ctx.log.info("person.saved", person=id)`."""
        ...

    def metric(
        self, name: str, value: "float | Iterable[float]", unit: "Unit" = "Count", **dimensions: str
    ) -> None:
        """Measure `name`: CloudWatch has it below `Lamppost/{service}`, and `lamppost metrics` here.

        Every value of every dimension is a metric of its own, and billed: never an id. All that an invocation
        measures is said when it ends, in one line of its log. Of more than a hundred values at once a hundred
        are kept, with the percentiles of all.
        """
        ...

    def remaining(self) -> timedelta:
        """Time left before Lambda ends this invocation."""
        ...

    def transaction(self) -> "AbstractContextManager[Connection[Any]]":
        """A connection inside a transaction: committed at the end, rolled back on any error.

        Only a `CallerError` with `keep` goes out with what was written committed.
        """
        ...

    def send(self, queue: str, *bodies: Any) -> None:
        """Send each body, as JSON, to a queue named in the function's `sends=`.

        All are on the queue when this returns. Raises `OperatorError` when some were refused.
        """
        ...

    def bucket(self, name: str) -> "Objects":
        """The objects of a bucket, or of a folder in one, named in the function's `stores=`."""
        ...

    def parameter(self, name: str) -> str:
        """A parameter named in `reads=`, at most 60 s old. Raises `SettingMissing` when unset."""
        ...

    def secret(self, name: str) -> str:
        """A secret named in `reads=`. Raises `SettingMissing` when unset."""
        ...
