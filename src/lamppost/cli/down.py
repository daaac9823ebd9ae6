"""`lamppost down`: stops the running system."""

import time

from lamppost.cli.output import show
from lamppost.cli.running import DEFAULT_DATA, Data, Json, alive, ask
from lamppost.errors import OperatorError

PATIENCE = 40.0


def down(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Stop the system that runs on this data folder: it drains first, and nothing is lost."""
    pid = ask(data, "down")["pid"]
    until = time.monotonic() + PATIENCE
    while alive(pid):
        if time.monotonic() > until:
            raise OperatorError(
                f"the system (pid {pid}) is still stopping after {PATIENCE:.0f} s",
                fix=f"look at its terminal, or end it: kill -9 {pid}; the next `lamppost up` takes over",
            )
        time.sleep(0.02)
    show({"stopped": pid}, lambda: f"stopped (pid {pid})", as_json=json)
