"""The control door: what `lamppost` commands ask of the running system.

It stands on the AWS port under `/_lamppost/`, takes POSTs with the token from `up.json` only,
and answers JSON. Everything else on the port is AWS's.
"""

import asyncio
import contextlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.declare import names
from lamppost.errors import LamppostError, OperatorError
from lamppost.local import tasks
from lamppost.local.http import Handler, Request, Response
from lamppost.local.queue_records import Stored

if TYPE_CHECKING:
    from lamppost.local.system import System

PREFIX = "/_lamppost/"

Arguments = dict[str, Any]
Command = Callable[[Arguments], Awaitable[Any]]


class Control:
    """Commands over a System."""

    def __init__(self, system: "System", aws: Handler, stop: Callable[[], None]) -> None:
        self._system = system
        self._aws = aws
        self._stop = stop
        self._walk: asyncio.Task[datetime] | None = None
        self._walk_end: datetime | None = None
        self.token = secrets.token_urlsafe(32)
        self._commands: dict[str, Command] = {
            "status": self._status,
            "down": self._down,
            "invoke": self._invoke,
            "logs": self._logs,
            "clock/show": self._clock_show,
            "clock/set": self._clock_set,
            "clock/reset": self._clock_reset,
            "clock/advance": self._clock_advance,
            "clock/stop": self._clock_stop,
            "queue/list": self._queue_list,
            "queue/peek": self._queue_peek,
            "params/list": self._params_list,
            "params/get": self._params_get,
            "params/put": self._params_put,
            "secrets/list": self._secrets_list,
            "secrets/get": self._secrets_get,
            "secrets/put": self._secrets_put,
            "db/urls": self._db_urls,
        }

    async def __call__(self, request: Request) -> Response:
        """Answer one request on the AWS port."""
        if not request.path.startswith(PREFIX):
            return await self._aws(request)
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.method != "POST" or not hmac.compare_digest(given.encode(), self.token.encode()):
            return _say(
                403, {"what": "this door needs the token from up.json", "fix": "", "code": "forbidden"}
            )
        command = self._commands.get(request.path.removeprefix(PREFIX))
        if command is None:
            return _say(404, {"what": f"no command {request.path}", "fix": "", "code": "unknown_command"})
        try:
            return _say(200, await command(msgspec.json.decode(request.body or b"{}", type=Arguments)))
        except LamppostError as error:
            return _say(400, {"what": error.what, "fix": error.fix, "code": error.code})

    # --- the system

    async def _status(self, _: Arguments) -> Any:
        system = self._system
        functions = [
            {
                "name": name,
                "kind": pool.spec.entry.kind,
                "timeout_s": pool.spec.timeout,
                "memory_mb": pool.spec.memory_mb,
                "sandboxes": pool.size,
                "busy": pool.busy,
            }
            for name, pool in sorted(system.lambdas.pools().items())
        ]
        return {
            "running": system.announced.public(),
            "clock": {"now": system.clock.now(), "shift_s": system.clock.shift.total_seconds()},
            "postgres": {
                "version": system.cluster.version,
                "alive": await asyncio.to_thread(system.cluster.alive),
            },
            "functions": functions,
            "queues": await self._queue_list({}),
            "databases": sorted(system.manifest.databases()),
        }

    async def _down(self, _: Arguments) -> Any:
        # After the answer is on its way.
        asyncio.get_running_loop().call_later(0.05, self._stop)
        return {"pid": self._system.announced.pid}

    async def _db_urls(self, _: Arguments) -> Any:
        system = self._system
        urls = {}
        for name, (database, _services) in system.manifest.databases().items():
            raw = system.settings.secrets.get(names.physical(database.secret, names.LOCAL_ENV)) or "{}"
            secret = msgspec.json.decode(raw)
            urls[name] = {
                "app": system.cluster.dsn(name, user=secret["username"], password=secret["password"]),
                "admin": system.cluster.dsn(name),
            }
        return urls

    # --- functions and logs

    async def _invoke(self, given: Arguments) -> Any:
        name = self._function(given["function"])
        if given.get("later"):
            return {"request_id": await self._system.later.add(name, msgspec.json.encode(given["payload"]))}
        result = await self._system.lambdas.invoke(name, msgspec.json.encode(given["payload"]))
        return {
            "error": result.error,
            "payload": msgspec.json.decode(result.payload),
            "log": result.log_tail.decode("utf-8", "replace"),
            "request_id": result.request_id,
        }

    async def _logs(self, given: Arguments) -> Any:
        """Events since `since` (ms) of `functions` (all when empty), oldest first, with where to go on."""
        system = self._system
        wanted = [self._function(name) for name in given["functions"]] or system.lambdas.names()
        found = []
        for name in wanted:
            found += [
                {"function": name, "at": event.timestamp, "message": event.message, "id": event.id}
                for event in system.logs.read(name, since=given["since"])
            ]
        found.sort(key=lambda event: (event["at"], event["id"]))
        return found[-int(given.get("limit", 10_000)) :]

    def _function(self, name: str) -> str:
        canonical = self._system.functions.canonical(name)
        if self._system.lambdas.spec(canonical) is not None:
            return canonical
        for service in self._system.manifest.services:
            for function in service.functions:
                if name == f"{service.name}.{function.name}":
                    return names.physical(function.named, names.LOCAL_ENV)
        raise OperatorError(
            f"there is no function {name!r}",
            fix=f"one of: {', '.join(sorted(self._system.lambdas.names()))}",
            code="no_such_function",
        )

    # --- the clock

    async def _clock_show(self, _: Arguments) -> Any:
        clock = self._system.clock
        walking = self._walk is not None and not self._walk.done()
        return {
            "now": clock.now(),
            "wall": datetime.now(UTC),
            "shift_s": clock.shift.total_seconds(),
            "walking_to": self._walk_end if walking else None,
            "error": self._walk_error(),
        }

    async def _clock_set(self, given: Arguments) -> Any:
        await self._system.clock.set(_instant(given["at"]))
        return await self._clock_show({})

    async def _clock_reset(self, _: Arguments) -> Any:
        await self._system.clock.reset()
        return await self._clock_show({})

    async def _clock_advance(self, given: Arguments) -> Any:
        if self._walk is not None and not self._walk.done():
            raise OperatorError("the clock is walking already", fix="wait, or stop it: lamppost clock stop")
        by, step = timedelta(seconds=given["by_s"]), timedelta(seconds=given["step_s"])
        self._walk_end = self._system.clock.now() + by
        self._walk = asyncio.get_running_loop().create_task(
            self._system.clock.advance(by, step, lambda _: None)
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._walk), 0.2)
        return await self._clock_show({})

    async def _clock_stop(self, _: Arguments) -> Any:
        await self.close()
        return await self._clock_show({})

    async def close(self) -> None:
        """End a walk of the clock where it is."""
        await tasks.end([self._walk])

    def _walk_error(self) -> str | None:
        walk = self._walk
        if walk is None or not walk.done() or walk.cancelled() or walk.exception() is None:
            return None
        return str(walk.exception())

    # --- queues

    async def _queue_list(self, _: Arguments) -> Any:
        queues = self._system.queues
        listed = []
        for name in queues.names():
            counts = await queues.counts(name)
            listed.append(
                {
                    "name": name,
                    "visible": counts.visible,
                    "in_flight": counts.in_flight,
                    "delayed": counts.delayed,
                    "oldest_s": round(counts.oldest, 1),
                }
            )
        return listed

    async def _queue_peek(self, given: Arguments) -> Any:
        peeked = await self._system.queues.peek(given["queue"], limit=int(given.get("limit", 10)))
        return [_message(message) for message in peeked]

    # --- settings

    async def _params_list(self, _: Arguments) -> Any:
        store = self._system.settings.parameters
        return [{"name": name, "value": kept.value} for name in store.names() if (kept := store.get(name))]

    async def _params_get(self, given: Arguments) -> Any:
        kept = self._system.settings.parameters.get(given["name"])
        if kept is None:
            raise OperatorError(
                f"parameter {given['name']!r} has no value",
                fix=f"lamppost params put {given['name']} VALUE",
                code="setting_missing",
            )
        return {"name": given["name"], "value": kept.value, "version": kept.version}

    async def _params_put(self, given: Arguments) -> Any:
        version = self._system.settings.parameters.put(given["name"], given["value"], description="")
        return {"name": given["name"], "version": version}

    async def _secrets_list(self, _: Arguments) -> Any:
        return [{"name": name} for name in self._system.settings.secrets.names()]

    async def _secrets_get(self, given: Arguments) -> Any:
        value = self._system.settings.secrets.get(given["name"])
        if value is None:
            raise OperatorError(
                f"secret {given['name']!r} has no value",
                fix=f"lamppost secrets put {given['name']} VALUE",
                code="setting_missing",
            )
        return {"name": given["name"], "value": value}

    async def _secrets_put(self, given: Arguments) -> Any:
        store = self._system.settings.secrets
        if store.find(given["name"]) is None:
            store.create(given["name"], given["value"])
        else:
            store.put(given["name"], given["value"])
        return {"name": given["name"]}


def _message(message: Stored) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(message.body)
    except msgspec.DecodeError:
        body = message.body
    return {
        "id": str(message.message_id),
        "sent_at": message.sent_at,
        "receives": message.receives,
        "visible_at": message.visible_at,
        "attributes": message.attributes,
        "body": body,
    }


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(f"{text!r} is not a time", fix="write it like 2027-03-15T08:59:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _say(status: int, answer: Any) -> Response:
    return Response(status, {"content-type": "application/json"}, msgspec.json.encode(answer))
