"""The Context that runs: what `declare.context` promises, kept."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lamppost.declare import names
from lamppost.declare.identity import Caller
from lamppost.derive.manifest import FunctionEntry, ServiceEntry
from lamppost.errors import AuthorError, CallerError, OperatorError
from lamppost.observe import trace
from lamppost.observe.log import Log

if TYPE_CHECKING:
    from psycopg import Connection

    from lamppost.declare.alarms import Unit
    from lamppost.declare.tenancy import Tenants
    from lamppost.observe.metrics import Measured
    from lamppost.runtime.buckets import LiveObjects
    from lamppost.runtime.joined import Joined


class Keeping(AbstractContextManager["Connection[Any]"]):
    """A transaction that ends as it should, and with a commit for a refusal that keeps what was written."""

    __slots__ = ("_block", "_db")

    def __init__(self, block: "AbstractContextManager[Connection[Any]]") -> None:
        self._block = block

    def __enter__(self) -> "Connection[Any]":
        """The connection, in its transaction."""
        self._db = self._block.__enter__()
        return self._db

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Commit, or roll back; then whatever was raised goes on."""
        if not isinstance(error, CallerError) or not error.keep:
            return self._block.__exit__(kind, error, trace)
        if self._db.info.transaction_status.name == "INERROR":
            self._block.__exit__(kind, error, trace)
            raise AuthorError(
                f"{error.code!r} is to keep what was written, and a statement of the transaction has failed",
                fix="put what may fail into a savepoint of its own: with db.transaction()",
                code="nothing_to_keep",
            ) from error
        self._block.__exit__(None, None, None)
        return None


class LiveContext:
    """One invocation's Context. Satisfies `declare.context.Context`."""

    __slots__ = (
        "_caller", "_env", "_function", "_joined", "_lambda", "_measured", "_over",
        "_service",
        "log", "request_id", "stage",
    )  # fmt: skip

    def __init__(
        self,
        service: ServiceEntry,
        function: FunctionEntry,
        lambda_context: Any,
        *,
        stage: str,
        env: str,
        log: Log,
    ) -> None:
        self._service = service
        self._function = function
        self._lambda = lambda_context
        self._env = env
        self._over = False
        self._caller: Caller | None = None
        self._joined: Joined | None = None
        self._measured: Measured | None = None
        self.stage = stage
        self.log = log
        self.request_id: str = lambda_context.aws_request_id

    @property
    def trace_id(self) -> str:
        place = trace.now()
        return place.trace_id if place is not None else ""

    @property
    def function(self) -> str:
        return f"{self._service.name}.{self._function.name}"

    @property
    def kind(self) -> str:
        return self._function.kind

    @property
    def tenants(self) -> "Tenants":
        if self._service.tenants is None:
            raise AuthorError(
                f"service {self._service.name} says nothing of tenants",
                fix='give it tenants=Tenants(memberships="users.memberships")',
                code="tenants_undeclared",
            )
        return self._service.tenants

    @property
    def service(self) -> ServiceEntry:
        """The service this function is one of."""
        return self._service

    @property
    def known_caller(self) -> Caller | None:
        """Who calls; None for a stranger."""
        return self._caller

    @property
    def has_database(self) -> bool:
        """Whether this function has one."""
        return self._function.database

    @property
    def caller(self) -> Caller:
        if self._caller is None:
            raise CallerError(401, "unauthenticated", "this needs an access token")
        return self._caller

    def identify(self, caller: Caller | None) -> None:
        """From now on it is known who calls."""
        self._caller = caller

    def metric(
        self, name: str, value: "float | Iterable[float]", unit: "Unit" = "Count", **dimensions: str
    ) -> None:
        if self._measured is None:
            from lamppost.observe.metrics import Measured

            self._measured = Measured(self._service.name, self._env)
        self._measured.put(name, value, unit, dimensions)

    def tell(self) -> None:
        """Write what was measured."""
        if self._measured is not None:
            self._measured.write()

    def remaining(self) -> timedelta:
        return timedelta(milliseconds=self._lambda.get_remaining_time_in_millis())

    def end(self) -> None:
        """The invocation is answered: whatever still runs under this Context may change nothing more."""
        self._over = True

    def join(self, joined: "Joined | None") -> None:
        """Every transaction from now on is a part of this one, and every message waits; None ends that."""
        self._joined = joined

    def transaction(self) -> "AbstractContextManager[Connection[Any]]":
        self.check_time()
        if not self._function.database:
            raise AuthorError(
                f"function {self.function} has no database",
                fix="give its service database=Database(...), and the function not database=False",
            )
        if self._joined is not None:
            return Keeping(self._joined.block())
        from lamppost.db.pool import get_pool

        return Keeping(get_pool().transaction())

    def send(self, queue: str, *bodies: Any) -> None:
        self._check(queue, self._function.sends, "sends")
        self.check_time()
        from lamppost.runtime import queues

        account, name = self._account, names.physical(queue, self._env)
        if self._joined is not None:
            self._joined.hold(name, account, queues.encode(name, bodies))
        else:
            queues.send(name, account, bodies)

    def bucket(self, name: str) -> "LiveObjects":
        self._check(name, self._function.stores, "stores")
        self.check_time()
        from lamppost.runtime import buckets

        return buckets.below(
            name,
            self._service.buckets,
            account=self._account,
            env=self._env,
            deletes=name in self._function.deletes,
        )

    @property
    def stores(self) -> tuple[str, ...]:
        """Where this function may keep objects."""
        return self._function.stores

    def parameter(self, name: str) -> str:
        self._check(name, self._function.reads_parameters, "reads")
        from lamppost.settings.source import parameter

        return parameter(names.physical(name, self._env))

    def secret(self, name: str) -> str:
        self._check(name, self._function.reads_secrets, "reads")
        from lamppost.settings.source import secret

        return secret(names.physical(name, self._env))

    @property
    def _account(self) -> str:
        account: str = self._lambda.invoked_function_arn.split(":")[4]
        return account

    def check_time(self) -> None:
        """Raise `OperatorError` when the caller has had their answer."""
        if self._over:
            raise OperatorError(
                "this invocation is over: its caller has been told that it was given up",
                fix="make the handler faster, or its timeout= longer",
                code="overdue",
            )

    def _check(self, name: str, declared: tuple[str, ...], where: str) -> None:
        if name not in declared:
            raise AuthorError(
                f"function {self.function} uses {name!r} without declaring it: IAM would refuse",
                fix=f"add {name!r} to its {where}=",
            )
