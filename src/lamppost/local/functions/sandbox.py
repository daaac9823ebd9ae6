"""One sandbox seen from outside: a worker process and the Runtime API it talks to.

The Runtime API is AWS's (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), on a
port of its own, because the port is what tells the runner which worker calls.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from lamppost.declare import limits
from lamppost.local import http_direct
from lamppost.local.functions.spec import Result, Spec, failure
from lamppost.local.http import Request, Response, Server
from lamppost.local.http_messages import Answer

INIT_TIMEOUT = 10.0
_PAGE = os.sysconf("SC_PAGE_SIZE")
_CHUNK = 64 * 1024
_PREFIX = "/2018-06-01/runtime/"
_UNABLE = b'"statusCode": 503'
_JSON = {"content-type": "application/json"}
_NOTHING = Response(202, _JSON, b'{"status":"OK"}')
_NO_SUCH_REQUEST = Response(403, _JSON, b'{"errorType":"InvalidRequestID"}')
_ERRORS = {"response": None, "error": "Unhandled"}

Say = Callable[[list[str]], None]


class Invocation(msgspec.Struct):
    """One event on its way: `done` gets its Result."""

    request_id: str
    payload: bytes
    trace_id: str
    done: "asyncio.Future[Result]"


class Sandbox:
    """A worker from fork to death. It is idle, at work, or gone."""

    def __init__(self, name: str, spec: Spec, arn: str, say: Say, freed: Callable[["Sandbox"], None]) -> None:
        self.name = name
        self.spec = spec
        self.pid = 0
        self.port = 0
        self.gone = False
        self.retiring = False
        self.idle_since = time.monotonic()
        self.init_error: Result | None = None
        self._arn = arn
        self._say = say
        self._freed = freed
        self._server: Server | None = None
        self._offered: Answer | None = None
        self._work: Invocation | None = None
        self._begun = 0.0
        self._started = time.monotonic()
        self._init_ms: float | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._output = -1
        self._partial = b""
        self._tail = bytearray()
        self._measured_at = 0.0
        self._resident_mb = 0
        # Whether its last answer was a 503: something that it needs was not there.
        self.unable = False

    @property
    def idle(self) -> bool:
        """Whether it waits for an event."""
        return not self.gone and self._work is None and self._offered is not None

    @property
    def returning(self) -> bool:
        """Whether it has answered, and is about to ask for its next event."""
        alive = self._init_ms is not None and not self.gone and not self.retiring
        return alive and self._work is None and self._offered is None

    @property
    def current(self) -> Invocation | None:
        """The event it works on."""
        return self._work

    async def listen(self) -> None:
        """Open its Runtime API."""
        self._server = await http_direct.serve(self._runtime_api)
        self.port = self._server.port

    def watch(self, output: int) -> None:
        """Read the worker's output from `output`; start the clock on its init."""
        self._output = output
        os.set_blocking(output, False)
        loop = asyncio.get_running_loop()
        loop.add_reader(output, self._read_output)
        self._deadline = loop.call_later(INIT_TIMEOUT + self.spec.timeout, self._init_too_long)

    def give(self, invocation: Invocation) -> None:
        """Hand an event to this idle sandbox."""
        assert self._offered is not None
        offered, self._offered = self._offered, None
        self._work = invocation
        self._begun = time.monotonic()
        self._tail.clear()
        offered(self._event(invocation))
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self.spec.timeout, self._too_long)
        # Written while the worker works; what it says is read in a later turn of the loop.
        loop.call_soon(self._say, [f"START RequestId: {invocation.request_id} Version: $LATEST"])

    def kill(self) -> None:
        """End the process at once, as Lambda does."""
        if self.pid and not self.gone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def ended(self, code: int) -> None:
        """The process has exited: whatever it held is answered, its port is closed."""
        self.gone = True
        self._stop_clock()
        if self._output >= 0:
            self._read_output()
            self._flush_partial()
            asyncio.get_running_loop().remove_reader(self._output)
            os.close(self._output)
            self._output = -1
        if self._work is not None:
            how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
            request_id = self._work.request_id
            self._finish(
                failure(
                    "Runtime.ExitError",
                    f"RequestId: {request_id} Error: Runtime exited with error: {how}",
                    request_id=request_id,
                )
            )
        if self._server is not None:
            server, self._server = self._server, None
            await server.close()

    # --- the Runtime API

    def _runtime_api(self, request: Request, answer: Answer) -> None:
        path = request.path.removeprefix(_PREFIX)
        if path == "invocation/next":
            self._next(answer)
            return
        if path == "init/error":
            self._init_failed(request.body)
            answer(_NOTHING)
            return
        parts = path.split("/")
        working = self._work.request_id if self._work else ""
        if len(parts) != 3 or parts[:2] != ["invocation", working] or parts[2] not in _ERRORS:
            answer(_NO_SUCH_REQUEST)
            return
        self._finish(self._result(request.body, _ERRORS[parts[2]]))
        # Whoever asked for this invocation is woken first: they wait, the worker does not.
        asyncio.get_running_loop().call_soon(answer, _NOTHING)

    def _next(self, answer: Answer) -> None:
        if self._init_ms is None:
            self._init_ms = (time.monotonic() - self._started) * 1000
            self._stop_clock()
        self._offered = answer
        self.idle_since = time.monotonic()
        self._freed(self)

    def _event(self, work: Invocation) -> Response:
        return Response(
            200,
            {
                "content-type": "application/json",
                "lambda-runtime-aws-request-id": work.request_id,
                "lambda-runtime-deadline-ms": str(int((time.time() + self.spec.timeout) * 1000)),
                "lambda-runtime-invoked-function-arn": self._arn,
                "lambda-runtime-trace-id": work.trace_id,
            },
            work.payload,
        )

    def _result(self, payload: bytes, error: str | None) -> Result:
        assert self._work is not None
        if len(payload) > limits.INVOKE_SYNC_BYTES:
            return failure(
                "Function.ResponseSizeTooLarge",
                f"Response payload size exceeded the maximum of {limits.INVOKE_SYNC_BYTES} bytes.",
                request_id=self._work.request_id,
            )
        return Result(payload, error, request_id=self._work.request_id)

    def _finish(self, result: Result) -> None:
        work, self._work = self._work, None
        assert work is not None
        self._stop_clock()
        self.unable = _UNABLE in result.payload[:24]
        said = self._heard() if self._output >= 0 else []
        milliseconds = (time.monotonic() - self._begun) * 1000
        init, self._init_ms = self._init_ms, 0.0
        report = (
            f"REPORT RequestId: {work.request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {int(milliseconds) + 1} ms\tMemory Size: {self.spec.memory_mb} MB\t"
            f"Max Memory Used: {self._memory_mb()} MB" + (f"\tInit Duration: {init:.2f} ms" if init else "")
        )
        self._say([*said, f"END RequestId: {work.request_id}", report])
        if not work.done.done():
            work.done.set_result(
                Result(
                    result.payload,
                    result.error,
                    bytes(self._tail),
                    result.throttled,
                    result.request_id,
                    milliseconds,
                )
            )

    def _init_failed(self, payload: bytes) -> None:
        self.init_error = Result(payload, "Unhandled")
        self._say(["INIT_REPORT Phase: init Status: error Error Type: Runtime.InitError"])

    # --- clocks

    def _too_long(self) -> None:
        if self._work is None:
            return
        request_id = self._work.request_id
        self._read_output()
        message = f"RequestId: {request_id} Error: Task timed out after {self.spec.timeout:.2f} seconds"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._say([f"{now} {request_id} Task timed out after {self.spec.timeout:.2f} seconds"])
        self._finish(failure("Sandbox.Timedout", message, request_id=request_id))
        self.retiring = True
        self.kill()

    def _init_too_long(self) -> None:
        self._say([f"INIT_REPORT Init Duration: {INIT_TIMEOUT * 1000:.2f} ms\tPhase: init\tStatus: timeout"])
        self.init_error = failure("Sandbox.Timedout", "the function did not finish its init")
        self.kill()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # --- output

    def _read_output(self) -> None:
        lines = self._heard()
        if lines:
            self._say(lines)

    def _heard(self) -> list[str]:
        """The lines that the worker has said by now."""
        heard: list[bytes] = []
        while True:
            try:
                data = os.read(self._output, _CHUNK)
            except OSError:
                break  # no more, for now or for ever
            if not data:
                # Its end is always readable: the loop would do nothing else until the death is told.
                asyncio.get_running_loop().remove_reader(self._output)
                break
            self._tail += data
            del self._tail[: -limits.LOG_TAIL_BYTES]
            *lines, self._partial = (self._partial + data).split(b"\n")
            heard += lines
            if len(data) < _CHUNK:
                break
        return [line.decode("utf-8", "replace") for line in heard]

    def _flush_partial(self) -> None:
        if self._partial:
            self._say([self._partial.decode("utf-8", "replace")])
            self._partial = b""

    def _memory_mb(self) -> int:
        """The resident memory, read once a second at most: reading takes a tenth of a request."""
        now = time.monotonic()
        if now - self._measured_at > 1.0:
            self._measured_at = now
            with contextlib.suppress(OSError, IndexError):
                pages = int(Path(f"/proc/{self.pid}/statm").read_bytes().split()[1])
                self._resident_mb = pages * _PAGE // (1024 * 1024)
        return self._resident_mb
