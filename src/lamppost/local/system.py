"""The local system: every part, started in the order that costs the least time.

Ports are bound before anything else, and nothing is served before every migration is in.
"""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import datetime

import msgspec

from lamppost.declare import names
from lamppost.derive.alarms import alarms
from lamppost.derive.grants import Grant
from lamppost.derive.manifest import FunctionEntry, Manifest, ServiceEntry
from lamppost.errors import LamppostError, OperatorError
from lamppost.local import state
from lamppost.local.aliases import Aliases
from lamppost.local.authorizers import Authorizers
from lamppost.local.aws.access import Access
from lamppost.local.aws.cloudwatch import CloudWatch
from lamppost.local.aws.extension import Extension
from lamppost.local.aws.lambda_api import Lambda
from lamppost.local.aws.logs import Logs
from lamppost.local.aws.port import AwsPort
from lamppost.local.aws.rotation import Rotation
from lamppost.local.aws.s3 import S3
from lamppost.local.aws.secrets_manager import SecretsManager
from lamppost.local.aws.sqs import Sqs
from lamppost.local.aws.ssm import Ssm
from lamppost.local.clock import Clock
from lamppost.local.control import Control
from lamppost.local.databases import Databases
from lamppost.local.description import Code, Description
from lamppost.local.functions.environment import local_environment
from lamppost.local.functions.lambdas import Key, Lambdas
from lamppost.local.functions.later import Later, record
from lamppost.local.functions.served import ServedFunctions
from lamppost.local.functions.spec import Result
from lamppost.local.gateway import HTTP_LIMITS, Gateway
from lamppost.local.http import Handler, Limits, Request, Response, Server, serve
from lamppost.local.identity.door import SEGMENT, Identity
from lamppost.local.inbox import Inbox
from lamppost.local.launch import Launched
from lamppost.local.logs import LogStore
from lamppost.local.messaging import Messaging
from lamppost.local.monitoring import Monitoring
from lamppost.local.objects import ObjectStore
from lamppost.local.options import Options
from lamppost.local.queue_records import outgoing
from lamppost.local.queues import Queues
from lamppost.local.settings import Settings
from lamppost.local.traces import Traces
from lamppost.observe.log import Log

Say = Callable[[str], None]
# What stands beside the APIs on their port, by its first path segment.
Apps = Callable[["System"], dict[str, Handler]]

HOUSEKEEPING = 0.5


class System:
    """The parts and how they hang together."""

    def __init__(
        self, options: Options, started: Launched, say: Say, log: Log, stop: Callable[[], None], *, apps: Apps
    ) -> None:
        self._apps = apps
        self.options = options
        self.log = log
        self._say = say
        data = options.data
        self.cluster = started.cluster
        self.nursery = started.nursery
        self.description = Description(options.root, data)
        self.access = Access()
        self.functions = Aliases()
        self.logs = LogStore(data / "logs", self.functions)
        self.traces = Traces(data / "traces")
        self.settings = Settings(data)
        self.queues = Queues()
        self.monitoring = Monitoring(data / "metrics", self.queues, log)
        self.s3 = S3(ObjectStore(data / "objects"), self.access)
        self.inbox = Inbox(data / "inbox.jsonl", self.settings.secrets.texts)
        self.identity = Identity(data / "identity")
        self.databases = Databases(self.cluster, self.settings.secrets)
        self.code = Code(Manifest(()), options.root)
        self.started_at = time.time()
        self._servers: list[Server] = []
        self._place: dict[str, str] = {}
        self._tidying: asyncio.Task[None] | None = None
        self._stop = stop
        self._opened = asyncio.Event()

    async def start(self) -> state.Running:
        """Bring everything up; on return requests are served."""
        self.lambdas = Lambdas(
            self.nursery,
            self._append,
            self._environment,
            self._register,
            self.log,
            traces=self.traces,
            invoked=self.monitoring.meter.invoked,
        )
        doors = Authorizers(self.identity.verify, self.lambdas.invoke, self.log)
        self.gateway = Gateway(self.lambdas.invoke, doors, self.traces)
        self.later = Later(self._run_later, self._failed, self.log)
        self.clock = Clock(self._tick, self.quiet)
        self.messaging = Messaging(self.queues, self.lambdas)
        self.nursery.attach(self._zygote_lost)
        await self._open_doors()
        code = await asyncio.to_thread(self.description.read)
        await asyncio.to_thread(self.cluster.ready)
        self.settings.name(code.manifest)
        if self.databases.credentials(code.manifest):
            # Not the first start: the functions may open their connections while we look at the tables.
            self.code = code
            self.lambdas.describe(code.manifest)
            self.lambdas.warm(("http",))
        home = await asyncio.to_thread(self.databases.prepare_home, self._say)
        await asyncio.gather(self.queues.open(home), self.later.open(home), self.clock.open(home))
        await self.adopt(code)
        await asyncio.to_thread(self.s3.tidy)
        self.clock.start()
        self._tidying = asyncio.get_running_loop().create_task(self._tidy())
        self.announce()
        self._opened.set()
        self.monitoring.start()
        self._expiring = asyncio.create_task(asyncio.to_thread(self.s3.expire))
        return self.announced

    async def adopt(self, code: Code) -> None:
        """Make `code` the running system: its tables first, then its functions."""
        manifest = code.manifest
        self.settings.name(manifest)
        databases = await asyncio.to_thread(self.databases.prepare, manifest, code.folder, self._say)
        await self.clock.also(list(databases.values()))
        self.settings.fill(manifest, inbox=self._inbox)
        for service in manifest.services:
            for function in service.functions:
                self.functions.add(names.local_names(function.named))
        self.s3.describe(manifest)
        self._rotation.describe(manifest)
        await self.messaging.declare(manifest)
        self.code = code
        self.lambdas.describe(manifest)
        self.monitoring.watch.describe(alarms(manifest, env=names.LOCAL_ENV))
        self.identity.describe(manifest)
        self.gateway.describe(manifest)
        self.clock.describe(manifest, lambda named: names.physical(named, names.LOCAL_ENV))
        await self.messaging.connect(manifest)
        self.lambdas.warm(("http",))

    @property
    def manifest(self) -> Manifest:
        """What runs."""
        return self.code.manifest

    async def quiet(self) -> None:
        """Wait until no function works and no queue has work to give."""
        while True:
            if self.lambdas.busy == 0 and self.later.busy == 0 and self.messaging.quiet:
                return
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        """Drain and stop: no new requests, work in progress ends, PostgreSQL last."""
        if not hasattr(self, "announced"):
            return
        if self._tidying is not None:
            self._tidying.cancel()
        gateway, aws, extension = self._servers
        await gateway.close()
        await self.control.close()
        await self.clock.close()
        await self.messaging.drain()
        await self.later.close()
        while self.lambdas.busy:
            await asyncio.sleep(0.005)
        # What was at work until now needed these two.
        await aws.close()
        await extension.close()
        await self.lambdas.close()
        self.nursery.close()
        await self.monitoring.close()
        await self.queues.close()
        self.logs.close()
        self.traces.close()
        self.inbox.close()
        self.forget()
        await asyncio.to_thread(self.cluster.stop)

    def forget(self) -> None:
        """Take the announcement back."""
        state.forget(self.options.data)

    # --- doors

    async def _open_doors(self) -> None:
        """Bind the ports first: a taken port is known before anything else has happened."""
        served = ServedFunctions(self.lambdas, self.later)
        rotation = self._rotation = Rotation(served)
        parameters, kept = Ssm(self.settings.parameters), SecretsManager(self.settings.secrets, rotation)
        services = (
            Lambda(served, self.functions),
            Sqs(self.queues),
            parameters,
            kept,
            Logs(self.logs),
            CloudWatch(self.monitoring, {"FunctionName": self.functions, "QueueName": self.queues.aliases}),
        )
        port = AwsPort(services, self.access, self.s3)
        self.control = Control(self, port.handler, self._stop)
        gateway = await serve(self._held(self.gateway), port=self.options.port, limits=HTTP_LIMITS)
        limits = Limits(too_large=port.too_large)
        aws = await serve(self._held(self.control), port=self.options.aws_port, limits=limits)
        extension = await serve(Extension(kept, parameters, self.access).handler)
        self._servers = [gateway, aws, extension]
        self.port, self.aws_port = gateway.port, aws.port
        self.gateway.mount("_inbox", self.inbox)
        self.identity.at(f"http://127.0.0.1:{self.port}/{SEGMENT}")
        self.gateway.mount(SEGMENT, self.identity)
        for segment, app in self._apps(self).items():
            self.gateway.mount(segment, app)
        self._place = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.port}",
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(extension.port),
            "AWS_XRAY_DAEMON_ADDRESS": self.traces.listen(),
        }

    def _held(self, handler: Handler) -> Handler:
        """`handler`, whose first callers wait until the system is up."""

        async def hold(request: Request) -> Response:
            if not self._opened.is_set():
                await self._opened.wait()
            return await handler(request)

        return hold

    @property
    def _inbox(self) -> str:
        return f"http://127.0.0.1:{self.port}/_inbox"

    def announce(self) -> None:
        """Tell where everything is, in `up.json`."""
        self.announced = self._announcement()
        state.write(self.options.data, self.announced)

    def _announcement(self) -> state.Running:
        base = f"http://127.0.0.1:{self.port}"
        return state.Running(
            pid=os.getpid(),
            token=self.control.token,
            apis={name: f"{base}/{name}" for name in self.gateway.apis},
            console=f"{base}/",
            inbox=self._inbox,
            aws=self._place["AWS_ENDPOINT_URL"],
            postgres=self.cluster.dsn("postgres"),
            started_at=self.started_at,
        )

    # --- functions

    def _environment(self, service: ServiceEntry, function: FunctionEntry, key: Key) -> dict[str, str]:
        allowed = [
            f"127.0.0.1:{self.port}",
            *self.options.allow,
            *(["loopback"] if self.options.loopback else []),
        ]
        return {
            **local_environment(
                service,
                function,
                root=str(self.code.folder),
                manifest=str(self.code.path),
                place=self._place,
                fast=self.options.fast,
            ),
            "AWS_ACCESS_KEY_ID": key.access_key,
            "AWS_SECRET_ACCESS_KEY": key.secret_key,
            "AWS_SESSION_TOKEN": key.token,
            "LAMPPOST_ALLOW_WEBHOOK": ",".join(allowed),
        }

    def _register(self, key: Key, function: str, granted: tuple[Grant, ...]) -> None:
        self.access.register(
            key.access_key, function, granted, session_token=key.token, secret=key.secret_key
        )

    def _append(self, function: str, stream: str, lines: list[str]) -> None:
        self.logs.append(function, stream, lines)
        self.monitoring.meter.said(lines)

    def _zygote_lost(self) -> None:
        self.log.error("zygote.died", fix="started again")
        self.nursery.launch(self.options.data)
        self.nursery.attach(self._zygote_lost)
        self.lambdas.revive()

    async def _run_later(self, function: str, payload: bytes, request_id: str) -> Result:
        return await self.lambdas.invoke(function, payload, request_id=request_id)

    async def _tick(self, function: str, at: datetime) -> None:
        """One tick. A failed one is not repeated (the next is a minute away) but kept with the failures."""
        event = {"version": "0", "source": "aws.scheduler", "detail-type": "Scheduled Event", "time": at}
        payload = msgspec.json.encode(event)
        result = await self.lambdas.invoke(function, payload)
        if result.error is not None:
            self.log.warning(
                "tick.failed", function=function, why=result.payload[:500].decode("utf-8", "replace")
            )
            try:
                await self._failed(function, record(function, result.request_id, payload, result, 1))
            except OperatorError as away:
                self.log.error("tick.failure_not_kept", function=function, error=away.what, fix=away.fix)

    async def _failed(self, function: str, failed: bytes) -> None:
        """Put a failure where its destination is. Raises `OperatorError` when the queues are out of reach."""
        await self.queues.send(names.failures(function), [outgoing(failed.decode())])

    # --- housekeeping

    async def _tidy(self) -> None:
        """A few times a second: idle sandboxes go, a dead PostgreSQL comes back."""
        hurt = False
        while True:
            await asyncio.sleep(HOUSEKEEPING)
            self.lambdas.shrink()
            if not self.cluster.alive():
                self.log.error("postgres.died", fix="started again")
                hurt = True
            if hurt:
                hurt = not await self._mend()

    async def _mend(self) -> bool:
        """Start PostgreSQL again. Who lost a connection makes a new one when it needs it."""
        try:
            await asyncio.to_thread(self.cluster.launch)
            await asyncio.to_thread(self.cluster.ready)
            await self.clock.restore()
        except LamppostError as error:
            self.log.error("postgres.not_started", error=error.what, fix=error.fix)
            return False
        self.log.info("postgres.started_again")
        return True
