"""Talks to the running system through its control door."""

import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from lamppost.errors import LamppostError, OperatorError
from lamppost.local import state

Data = Annotated[
    Path, Parameter(name="--data", help="The local system's data folder.", env_var="LAMPPOST_DATA")
]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON, as when nobody reads along.")]

DEFAULT_DATA = Path(".lamppost")


def find(data: Path) -> state.Running:
    """The system running on `data`. Raises `OperatorError` when there is none."""
    running = state.read(data)
    if running is None or not alive(running.pid):
        raise OperatorError(f"nothing runs on {data}", fix="start it: lamppost up", code="not_running")
    return running


def ask(data: Path, command: str, **arguments: Any) -> Any:
    """Let the running system do `command`; its answer. Raises what it refuses."""
    import http.client

    running = find(data)
    port = int(running.aws.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3600)
    try:
        connection.request(
            "POST",
            f"/_lamppost/{command}",
            body=msgspec.json.encode(arguments),
            headers={"content-type": "application/json", "authorization": f"Bearer {running.token}"},
        )
        response = connection.getresponse()
        answer = msgspec.json.decode(response.read() or b"null")
    except (OSError, http.client.HTTPException) as error:
        raise OperatorError(
            f"the system on {data} stopped answering ({type(error).__name__})",
            fix="look at the terminal it runs in, or start it again: lamppost up",
            code="not_running",
        ) from error
    finally:
        connection.close()
    if response.status == 200:
        return answer
    if "what" in answer:
        raise LamppostError(answer["what"], fix=answer["fix"], code=answer["code"])
    raise OperatorError(
        f"the system on {data} failed at {command}",
        fix="look at the terminal it runs in",
        code="runner_failed",
    )


def alive(pid: int) -> bool:
    """Whether the process of this pid runs. One that has ended and was not reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True  # no /proc here, or it has just gone: the next look tells
    return state not in ("Z", "X")
