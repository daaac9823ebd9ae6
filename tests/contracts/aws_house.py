"""The AWS port over real stores and a real server, for tests that drive it from outside."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from lamppost.declare import names
from lamppost.derive.grants import SEND, Grant
from lamppost.errors import OperatorError
from lamppost.local.aliases import Aliases
from lamppost.local.aws.access import Access
from lamppost.local.aws.cloudwatch import CloudWatch
from lamppost.local.aws.extension import Extension
from lamppost.local.aws.functions import FunctionConfiguration
from lamppost.local.aws.lambda_api import Lambda
from lamppost.local.aws.logs import Logs
from lamppost.local.aws.port import AwsPort
from lamppost.local.aws.secrets_manager import SecretsManager
from lamppost.local.aws.sqs import Sqs
from lamppost.local.aws.ssm import Ssm
from lamppost.local.functions.spec import Result
from lamppost.local.http import serve
from lamppost.local.logs import LogStore
from lamppost.local.monitoring import Monitoring
from lamppost.local.queues import Queues
from lamppost.local.stores import ParameterStore, SecretStore
from lamppost.observe.log import Log

SOURCE = Path(__file__).parents[2] / "src" / "lamppost"
LOCAL_TABLES = (("local", SOURCE / "local" / "migrations"),)
FUNCTION_KEY = "AKIDFUNCTION"
SESSION = "session-of-the-scheduler"


class EchoFunctions:
    """Functions that answer with their event: the Functions protocol, for tests of the wire alone."""

    def __init__(self) -> None:
        self.environments: dict[str, dict[str, str]] = {"bday-dev-scheduler": {"LAMPPOST_ENV": "dev"}}
        self.events: list[tuple[str, bytes]] = []
        self.throttled = False

    async def invoke(self, name: str, payload: bytes) -> Result:
        if self.throttled:
            return Result(b"", "Unhandled", throttled=True)
        if b"fail" in payload:
            return Result(b'{"errorMessage":"no such dog"}', "Unhandled", b"log line\n")
        return Result(msgspec.json.encode({"got": msgspec.json.decode(payload)}), None, b"START\n" * 1000)

    async def invoke_later(self, name: str, payload: bytes) -> str:
        self.events.append((name, payload))
        return "a-request-id"

    def configuration(self, name: str) -> FunctionConfiguration | None:
        if name not in self.environments:
            return None
        return FunctionConfiguration(
            name=name,
            handler="lamppost.runtime.entry.handler",
            runtime="python3.13",
            memory_mb=512,
            timeout=60,
            environment=self.environments[name],
        )

    def names(self) -> list[str]:
        return list(self.environments)

    async def configure(
        self,
        name: str,
        *,
        environment: dict[str, str] | None = None,
        timeout: float | None = None,
        memory_mb: int | None = None,
    ) -> FunctionConfiguration:
        if environment is not None:
            self.environments[name] = environment
        found = self.configuration(name)
        if found is None:
            raise OperatorError(f"no function {name}")
        return found


class AwsHouse:
    """The birthday service's part of AWS on an ephemeral port, in a thread with a loop of its own."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        self._conninfo = conninfo
        self.functions = EchoFunctions()
        aliases = Aliases(["bday-scheduler"])
        self.logs = LogStore(folder / "logs", aliases)
        self.parameters = ParameterStore(folder, Aliases(["/bday/webhook-url"]))
        self.secrets = SecretStore(folder, Aliases(["bday/db-credentials"]))
        self.queues = Queues()
        self.said: list[str] = []
        self.monitoring = Monitoring(None, self.queues, Log(level=0, write=self.said.append))
        self.access = Access()
        arn = names.queue_arn("bday-dev-messages")
        parameter = names.parameter_arn("/bday/dev/webhook-url")
        secret = names.secret_arn("bday/dev/db-credentials")
        granted = (
            Grant(SEND, arn, "sends=bday-messages"),
            Grant(("ssm:GetParameter",), parameter, "reads=/bday/webhook-url"),
            Grant(("secretsmanager:GetSecretValue",), secret, "its database"),
        )
        self.access.register(FUNCTION_KEY, "bday-dev-scheduler", granted, session_token=SESSION)
        self._aliases = aliases
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do `work` on the house's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def call(self, function: Callable[..., Any], *given: Any) -> Any:
        """Call `function` on the house's loop."""

        async def work() -> Any:
            return function(*given)

        return self.run(work())

    async def _open(self) -> None:
        await self.queues.open(self._conninfo)
        await self.queues.declare(
            "bday-dev-messages-dlq", ("bday-messages-dlq",), visibility=30, keep=1_209_600
        )
        await self.queues.declare(
            "bday-dev-messages",
            ("bday-messages",),
            visibility=180,
            keep=345_600,
            redrive=("bday-dev-messages-dlq", 2),
        )
        ssm, secrets = Ssm(self.parameters), SecretsManager(self.secrets)
        services = (
            Sqs(self.queues),
            ssm,
            secrets,
            Logs(self.logs),
            Lambda(self.functions, self._aliases),
            CloudWatch(self.monitoring, {"FunctionName": self._aliases, "QueueName": self.queues.aliases}),
        )
        self._port = await serve(AwsPort(services, self.access).handler)
        self._extension = await serve(Extension(secrets, ssm, self.access).handler)
        self.url = f"http://127.0.0.1:{self._port.port}"
        self.extension_url = f"http://127.0.0.1:{self._extension.port}"

    def close(self) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.logs.close()

    async def _close(self) -> None:
        await self._port.close()
        await self._extension.close()
        await self.queues.close()

    def client(self, service: str, *, key: str = "anything", retries: int = 0) -> Any:
        """A plain boto3 client."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="eu-central-1",
            aws_access_key_id=key,
            aws_secret_access_key="any",
            config=Config(retries={"max_attempts": retries}, read_timeout=20),
        )


async def nothing_in(queues: Queues, name: str) -> bool:
    """Whether nothing can be received from a queue and nothing is in flight."""
    counts = await queues.counts(name)
    return counts.visible == counts.in_flight == 0
