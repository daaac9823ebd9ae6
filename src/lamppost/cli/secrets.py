"""`lamppost secrets`: secrets of the running system."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from lamppost.cli.output import safe, show, table
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
