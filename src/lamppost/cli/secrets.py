"""`lamppost secrets`: secrets of the running system."""

import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from lamppost.cli.output import safe, show, table
from lamppost.cli.periods import Period, read_period
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask

app = App(name="secrets", help="Read and set secrets (Secrets Manager).")

Name = Annotated[str, Parameter(help="bday/db-credentials; either of a secret's names.")]


@app.command(name="list")
def list_(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """List secrets by name; values stay where they are."""
    found = ask(data, "secrets/list")
    show(found, lambda: table([(s["name"],) for s in found], ("SECRET",)), as_json=json)


@app.command
def get(name: Name, *, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Show one value."""
    found = ask(data, "secrets/get", name=name)
    show(found, lambda: safe(found["value"]), as_json=json)


@app.command
def put(
    name: Name,
    value: Annotated[
        str,
        Parameter(
            allow_leading_hyphen=True,
            help="The value; - reads it from standard input, out of the shell's history.",
        ),
    ],
    *,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Set a value; the one before stays as AWSPREVIOUS."""
    ask(data, "secrets/put", name=name, value=sys.stdin.read().rstrip("\n") if value == "-" else value)
    show({"name": name}, lambda: f"{name} is set", as_json=json)


@app.command
def rotate(
    name: Name,
    *,
    grace: Annotated[
        Period, Parameter(help="How long the old keys sign beside the new one: 0s, 36h, 30d at most.")
    ] = "1d",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Put a new key before the old ones of a webhook's signing secret.

    Until the grace is over, messages carry a signature of each, and receivers may change over. A key
    that leaked goes at once with a grace of 0s.
    """
    done = ask(data, "secrets/rotate", name=name, grace=read_period(grace).total_seconds())
    show(done, lambda: _rotated(done), as_json=json)


def _rotated(done: dict[str, Any]) -> str:
    lines = [f"{done['name']} signs with a new key; lamppost secrets get {done['name']} shows it"]
    if done["public"]:
        lines.append(f"receivers check with {done['public']}")
    lines += [f"an old key signs too, until {until}" for until in done["until"]]
    return "\n".join(lines)
