"""The process all sandboxes are forked from: 8 ms a start instead of 150.

It has loaded what every function needs and nothing of any service, so changed service code
never needs a new zygote. It runs no thread and opens no connection: what a fork would share,
it does not have. Orders come over a socket, one JSON object with one file descriptor (the
child's stdout) each; deaths are reported back. When the runner dies, everything dies with it.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
from importlib import import_module

PRELOAD = (
    "psycopg",
    "msgspec",
    "simplejson",
    "logging",
    "http.client",
    "awslambdaric.lambda_context",
    "awslambdaric.lambda_runtime_log_utils",
    "awslambdaric.lambda_runtime_marshaller",
    "awslambdaric.lambda_config",
    "lamppost.derive.manifest",
    "lamppost.observe.bridge",
    "lamppost.runtime.context",
    "lamppost.runtime.encode",
    "lamppost.runtime.traced",
    "lamppost.runtime.xray",
    "lamppost.settings.source",
    "lamppost.db.pool",
)

_PR_SET_PDEATHSIG = 1
_BATCH = 256 * 1024


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when `parent` dies (Linux; elsewhere the socket's end tells)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def main(descriptor: int, parent: int) -> None:
    """Serve fork orders from the socket `descriptor` until it ends."""
    # Ctrl-C reaches the whole terminal group: the runner alone decides when its functions end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)
    for name in PRELOAD:
        import_module(name)
    gc.collect()
    gc.freeze()
    orders = socket.socket(fileno=descriptor)
    wake, waker = os.pipe()
    for end in (wake, waker):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    children: dict[int, str] = {}
    _say(orders, {"ready": os.getpid()})
    # Not select(): the socket keeps the number it had in a runner that may hold thousands of connections.
    watch = select.poll()
    for number in (orders.fileno(), wake):
        watch.register(number, select.POLLIN)
    while True:
        readable = {number for number, _ in watch.poll()}
        if wake in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
            _reap(orders, children)
        if orders.fileno() in readable:
            data, descriptors, _, _ = socket.recv_fds(orders, _BATCH, 1)
            if not data:
                return
            _fork(orders, json.loads(data), descriptors[0], children, (wake, waker))


def _fork(
    orders: socket.socket,
    order: dict[str, object],
    output: int,
    children: dict[int, str],
    pipes: tuple[int, int],
) -> None:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            orders.close()
            for end in pipes:
                os.close(end)
            die_with_parent(parent)
            from lamppost.local.functions.child import become

            become(order, output)
        finally:
            os._exit(1)
    os.close(output)
    children[pid] = str(order["id"])
    _say(orders, {"started": order["id"], "pid": pid})


def _reap(orders: socket.socket, children: dict[int, str]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say(orders, {"ended": children.pop(pid, ""), "status": os.waitstatus_to_exitcode(status)})


def _say(orders: socket.socket, message: dict[str, object]) -> None:
    try:
        orders.send(json.dumps(message).encode())
    except OSError:
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
