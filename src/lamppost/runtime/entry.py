"""The one entry of every function: Lambda's handler setting is `lamppost.runtime.entry.handle`.

Loading it is the function's init: it reads the manifest, imports the one module the function
needs, and opens a database connection. The loop around it is AWS's own runtime client, on AWS
and on one machine.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from types import ModuleType
from typing import Any

from lamppost.declare import names
from lamppost.derive.manifest import FunctionEntry, ServiceEntry, read
from lamppost.errors import AuthorError, OperatorError
from lamppost.observe import bridge, trace
from lamppost.observe.log import Log, ambient
from lamppost.runtime.context import LiveContext
from lamppost.settings import package, stage

Run = Callable[[dict[str, Any], LiveContext, Any], Any]


class Entry:
    """A function that is ready to be invoked."""

    def __init__(self, service: ServiceEntry, function: FunctionEntry, run: Run) -> None:
        self._service = service
        self._function = function
        self._run = run
        self._stage = os.environ.get("LAMPPOST_STAGE", "local")
        self._env = os.environ.get("LAMPPOST_ENV", self._stage)
        self._exports = bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
        self._daemon = bool(os.environ.get("AWS_XRAY_DAEMON_ADDRESS"))
        self._cold = True
        self._log = Log()

    def __call__(self, event: Any, lambda_context: Any) -> Any:
        """Handle one event."""
        started = time.perf_counter()
        lambdas = os.environ.get(trace.LAMBDA)
        here = trace.arrive(lambdas, event)
        ambient(
            request_id=lambda_context.aws_request_id,
            trace_id=here.trace_id,
            cold_start=self._cold or None,
        )
        self._cold = False
        context = LiveContext(
            self._service, self._function, lambda_context, stage=self._stage, env=self._env, log=self._log
        )
        sampled = self._daemon and trace.sampled(lambdas)
        try:
            if sampled or self._exports:
                from lamppost.runtime import traced

                kind = self._function.kind
                with traced.Recorded(here, context.function, kind, event, sampled=sampled) as recording:
                    result = self._run(event, context, lambda_context)
                    traced.answered(recording, result)
            else:
                result = self._run(event, context, lambda_context)
        finally:
            context.tell()
        if self._function.kind == "http":
            # x-amzn-* are reserved headers at HTTP APIs, and `traceparent` is a request's.
            result["headers"]["x-trace-id"] = here.trace_id
            self._log.info(
                "request.answered",
                route=event.get("routeKey") if isinstance(event, dict) else None,
                status=result["statusCode"],
                duration_ms=round((time.perf_counter() - started) * 1000, 2),
            )
        return result


def load() -> Entry:
    """The function that LAMPPOST_FUNCTION (`birthday.api`) names. Raises `AuthorError` when it cannot run."""
    bridge.install()
    service, function = _find(os.environ.get("LAMPPOST_FUNCTION", ""))
    ambient(service=service.name, function=function.name)
    module = import_module(function.module)
    entry = Entry(service, function, _run(service, function, module))
    if function.database:
        _warm_up()
    return entry


def _find(wanted: str) -> tuple[ServiceEntry, FunctionEntry]:
    service_name, _, function_name = wanted.partition(".")
    for service in read(package.manifest().read_bytes()).services:
        if service.name == service_name:
            return service, service.function(function_name)
    raise AuthorError(
        f"LAMPPOST_FUNCTION is {wanted!r}, which {package.manifest().name} does not hold",
        fix="set it to service.function; `lamppost synth` and `lamppost up` do",
    )


def _run(service: ServiceEntry, function: FunctionEntry, module: ModuleType) -> Run:
    if function.kind == "http":
        from lamppost.runtime.http import HttpFunction
        from lamppost.runtime.identity import Guard

        asked = service.authorizer
        open_door = asked is not None and not asked.local and stage.stage() == names.LOCAL
        return HttpFunction(function, module, Guard(asked, open_door))
    if function.kind == "queue":
        from lamppost.runtime.batches import QueueFunction

        return QueueFunction(function, module)
    handler = getattr(module, function.handler)
    if function.kind == "schedule":
        from lamppost.declare.events import Tick

        return lambda event, context, _: handler(Tick(_instant(event)), context)
    return lambda event, context, _: handler(event, context)


def _instant(event: Any) -> datetime:
    """When the schedule was due; an event without a time (a person's `{}`) means now."""
    at = event.get("time") if isinstance(event, dict) else None
    if not isinstance(at, str):
        return datetime.now(UTC)
    try:
        due = datetime.fromisoformat(at)
    except ValueError as error:
        raise AuthorError(f"the schedule's time is {at!r}", fix="send it in ISO 8601, or send {}") from error
    return due if due.tzinfo else due.replace(tzinfo=UTC)


def _warm_up() -> None:
    from lamppost.db.pool import close_pool, warm_up

    try:
        warm_up()
    except OperatorError as error:
        # Init must not crash for it: the first query tries again.
        Log().warning("[DB-LAYER] warm_up.failed", error=error.what, fix=error.fix)
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from lamppost.settings import source

        # What is loaded now goes into the snapshot. A connection would be dead in every copy, a secret old.
        close_pool()
        source.forget()


handle = load()
