"""A fork becomes a function: its environment, its output, then AWS's own runtime client."""

import gc
import os
import random
import sys
from importlib import import_module


def become(order: dict[str, object], output: int) -> None:
    """Turn this fresh fork into the sandbox `order` describes. Never returns while the function lives."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    environment = order["environment"]
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    root = environment["LAMBDA_TASK_ROOT"]
    os.chdir(root)
    sys.path.insert(0, root)
    sys.argv = ["bootstrap", environment["_HANDLER"]]
    random.seed()
    gc.enable()
    if not order["internet"]:
        sys.addaudithook(_stay_home)
    try:
        # Only now: its native client reads AWS_LAMBDA_RUNTIME_API once, when it is loaded.
        import_module("awslambdaric.__main__").main([root, environment["_HANDLER"]])
    except SystemExit as leaving:
        sys.stdout.flush()
        os._exit(leaving.code if isinstance(leaving.code, int) else 1)


def _stay_home(event: str, arguments: tuple[object, ...]) -> None:
    """A courtesy, not a wall: says on this machine what a private subnet would say on AWS."""
    if event != "socket.connect":
        return
    address = arguments[1]
    host = address[0] if isinstance(address, tuple) else ""
    if isinstance(host, str) and host and not host.startswith("127.") and host not in ("localhost", "::1"):
        raise PermissionError(
            f"this function has no internet, and tried to reach {host}: on AWS the connection would hang. "
            "Give the Function internet=True if it must."
        )
