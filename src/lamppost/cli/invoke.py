"""`lamppost invoke`: runs a function once."""

import sys
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from lamppost.cli.output import safe, show
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask
from lamppost.errors import OperatorError
from lamppost.observe.metrics import OPENING


def invoke(
    function: Annotated[str, Parameter(help="bday-scheduler, bday-dev-scheduler or birthday.scheduler.")],
    *,
    payload: Annotated[
        str, Parameter(allow_leading_hyphen=True, help="The event, as JSON; - reads it from standard input.")
    ] = "{}",
    later: Annotated[
        bool, Parameter(negative=(), help="Only hand it over (asynchronous invocation).")
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Run a function once and show what it gave and said. Exits 1 when the function failed."""
    text = sys.stdin.read() if payload == "-" else payload
    try:
        event = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError as error:
        raise OperatorError(
            f"the payload is not JSON: {error}", fix="quote it for the shell: '{\"a\": 1}'"
        ) from error
    result = ask(data, "invoke", function=function, payload=event, later=later)
    show(result, lambda: words(result), as_json=json)
    return 1 if result.get("error") else 0


def words(result: dict[str, Any]) -> str:
    """What a function said, but for its metrics, and what it gave."""
    if "payload" not in result:
        return f"accepted, request {result['request_id']}"
    lines = (line for line in result["log"].splitlines() if not line.startswith(OPENING))
    said = safe("\n".join(lines).rstrip())
    answer = msgspec.json.format(msgspec.json.encode(result["payload"]), indent=2).decode()
    return f"{said}\n{answer}" if said else answer
