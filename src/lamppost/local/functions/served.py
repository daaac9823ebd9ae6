"""The functions as the AWS port's Lambda API sees them."""

import hashlib
from datetime import UTC, datetime

from lamppost.errors import OperatorError
from lamppost.local.aws.functions import FunctionConfiguration
from lamppost.local.functions.lambdas import Lambdas, Override
from lamppost.local.functions.later import Later
from lamppost.local.functions.spec import Result, Spec


class ServedFunctions:
    """Satisfies `aws.functions.Functions`. Names are dev names."""

    def __init__(self, lambdas: Lambdas, later: Later) -> None:
        self._lambdas = lambdas
        self._later = later
        self._changed_at = datetime.now(UTC)

    async def invoke(self, name: str, payload: bytes) -> Result:
        """Run it and wait for what it comes to."""
        return await self._lambdas.invoke(name, payload)

    async def invoke_later(self, name: str, payload: bytes) -> str:
        """Accept an event to run."""
        return await self._later.add(name, payload)

    def configuration(self, name: str) -> FunctionConfiguration | None:
        """How it is configured."""
        spec = self._lambdas.spec(name)
        return self._described(spec) if spec else None

    def names(self) -> list[str]:
        """All dev names."""
        return self._lambdas.names()

    async def configure(
        self,
        name: str,
        *,
        environment: dict[str, str] | None = None,
        timeout: float | None = None,
        memory_mb: int | None = None,
    ) -> FunctionConfiguration:
        """Change what is given: the sandboxes restart with it."""
        if self._lambdas.spec(name) is None:
            raise OperatorError(f"there is no function {name}", fix="list them: lamppost status")
        spec = self._lambdas.override(name, Override(environment, timeout, memory_mb))
        self._changed_at = datetime.now(UTC)
        return self._described(spec)

    def _described(self, spec: Spec) -> FunctionConfiguration:
        return FunctionConfiguration(
            name=spec.name,
            handler=spec.environment["_HANDLER"],
            runtime="python3.13",
            memory_mb=spec.memory_mb,
            timeout=spec.timeout,
            environment=self._lambdas.declared_environment(spec.name),
            description=spec.service.about,
            changed_at=self._changed_at,
            code_sha256=hashlib.sha256(spec.entry.module.encode()).hexdigest(),
            concurrency=spec.entry.concurrency,
        )
