"""`lamppost params`: parameters of the running system."""

from typing import Annotated

from cyclopts import App, Parameter

from lamppost.cli.output import safe, show, table
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask

app = App(name="params", help="Read and set parameters (SSM Parameter Store).")

Name = Annotated[str, Parameter(help="/bday/webhook-url; either of a parameter's names.")]


@app.command(name="list")
def list_(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """List parameters and their values."""
    found = ask(data, "params/list")
    show(found, lambda: table([(p["name"], p["value"]) for p in found], ("PARAMETER", "VALUE")), as_json=json)


@app.command
def get(name: Name, *, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Show one value."""
    found = ask(data, "params/get", name=name)
    show(found, lambda: safe(found["value"]), as_json=json)


@app.command
def put(
    name: Name,
    value: Annotated[str, Parameter(allow_leading_hyphen=True, help="The value: any text.")],
    *,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Set a value. Functions see it within a minute."""
    found = ask(data, "params/put", name=name, value=value)
    show(found, lambda: f"{name} is set (version {found['version']})", as_json=json)
