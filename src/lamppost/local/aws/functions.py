"""What the AWS port and the event sources need from whoever runs functions."""

from datetime import datetime
from typing import Protocol

import msgspec

from lamppost.local.functions.spec import Result


class FunctionConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A function as Lambda describes it. `timeout` is seconds, `changed_at` aware."""

    name: str
    handler: str
    runtime: str
    memory_mb: int
    timeout: float
    environment: dict[str, str]
    description: str = ""
    changed_at: datetime | None = None
    code_sha256: str = ""
    code_bytes: int = 0
    concurrency: int | None = None


class Invokes(Protocol):
    """Runs functions. Names arrive resolved: they are canonical, `bday-dev-scheduler`."""

    async def invoke(self, name: str, payload: bytes) -> Result:
        """Run it and wait for what it comes to."""
        ...


class Functions(Invokes, Protocol):
    """Runs functions, tells how they are configured, and configures them."""

    async def invoke_later(self, name: str, payload: bytes) -> str:
        """Accept an event to run; returns the request id once the event is safe."""
        ...

    def configuration(self, name: str) -> FunctionConfiguration | None:
        """How it is configured; None when there is no such function."""
        ...

    def names(self) -> list[str]:
        """The canonical names of all functions."""
        ...

    async def configure(
        self,
        name: str,
        *,
        environment: dict[str, str] | None = None,
        timeout: float | None = None,
        memory_mb: int | None = None,
    ) -> FunctionConfiguration:
        """Change what is given; the next invocation runs with it."""
        ...


def function_name(identifier: str) -> str:
    """The name in a name, an ARN or a partial ARN, with or without `:$LATEST`.

    >>> function_name("arn:aws:lambda:us-east-2:000000000000:function:bday-worker:$LATEST")
    'bday-worker'
    """
    name = identifier.rpartition("function:")[2] if "function:" in identifier else identifier
    return name.removesuffix(":$LATEST")
