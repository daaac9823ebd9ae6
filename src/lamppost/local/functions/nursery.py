"""The runner's end of the zygote: asks for forks, hears of deaths."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lamppost.errors import OperatorError

Ended = Callable[[int], None]


class Nursery:
    """Starts sandboxes' processes. `launch` first, `attach` once the event loop runs."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._started: dict[str, asyncio.Future[int]] = {}
        self._ended: dict[str, Ended] = {}
        self._lost: Callable[[], None] | None = None

    def launch(self, root: Path) -> None:
        """Start the zygote; it loads its libraries while the runner does other things."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lamppost.local.functions.zygote", str(theirs.fileno()), str(os.getpid())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            cwd=root,
        )
        theirs.close()
        ours.setblocking(False)
        self._socket = ours

    def attach(self, lost: Callable[[], None]) -> None:
        """Listen to the zygote from the running loop; `lost` is called when it dies."""
        assert self._socket is not None
        self._lost = lost
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    @property
    def pid(self) -> int | None:
        """The zygote's process id."""
        return self._process.pid if self._process else None

    async def fork(
        self, sandbox: str, environment: dict[str, str], output: int, *, internet: bool, ended: Ended
    ) -> int:
        """Fork a sandbox with `output` as its stdout; its pid. `ended` hears its exit code once."""
        if self._socket is None:
            raise OperatorError("no process can be started any more", fix="start `lamppost up` again")
        order = json.dumps({"id": sandbox, "environment": environment, "internet": internet}).encode()
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._started[sandbox] = started
        self._ended[sandbox] = ended
        while True:
            try:
                socket.send_fds(self._socket, [order], [output])
                break
            except BlockingIOError:
                await asyncio.sleep(0.001)
        return await started

    def close(self) -> None:
        """End the zygote; its children are killed by the kernel."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self.kill()

    def kill(self) -> None:
        """End the process and what it forked."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _hear(self) -> None:
        while self._socket is not None:
            try:
                data = self._socket.recv(64 * 1024)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._silence()
                return
            self._understand(json.loads(data))

    def _understand(self, message: dict[str, object]) -> None:
        if "started" in message:
            waiting = self._started.pop(str(message["started"]), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(int(str(message["pid"])))
        elif "ended" in message:
            ended = self._ended.pop(str(message["ended"]), None)
            if ended is not None:
                ended(int(str(message["status"])))

    def _silence(self) -> None:
        """The zygote is gone, and with it every sandbox."""
        assert self._socket is not None
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        if self._process is not None:
            self._process.wait()
        for waiting in self._started.values():
            if not waiting.done():
                waiting.set_exception(
                    OperatorError("the process that starts functions died", fix="it is restarted")
                )
        self._started.clear()
        ended, self._ended = self._ended, {}
        for tell in ended.values():
            tell(-9)
        if self._lost is not None:
            self._lost()
