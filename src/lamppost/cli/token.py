"""`lamppost token`: an access token for the running system, as anyone."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from lamppost.cli.output import show, table
from lamppost.cli.periods import Period, read_period
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask

app = App(name="token", help="Tokens of the local issuer, for trying guarded routes.")


@app.default
def token(
    *,
    as_: Annotated[str, Parameter(name="--as", help="Whose token: any name.")] = "ada",
    scope: Annotated[
        tuple[str, ...], Parameter(help="May be repeated. Without: every scope that its routes ask for.")
    ] = (),
    service: Annotated[str, Parameter(help="For which service, where several ask for tokens.")] = "",
    ttl: Annotated[Period | None, Parameter(help="How long it lives: 90s, 10m, 1h.")] = None,
    curl: Annotated[bool, Parameter(negative=(), help="Show a call that uses it.")] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Print an access token of the local issuer: `curl -H "authorization: Bearer $(lamppost token)" …`."""
    found = ask(
        data,
        "token/issue",
        person=as_,
        service=service,
        scope=" ".join(scope) if scope else None,
        ttl=read_period(ttl).total_seconds() if ttl else None,
    )
    if json:
        show(found, lambda: "", as_json=True)
    elif curl:
        sys.stdout.write(f"curl -H 'authorization: Bearer {found['token']}' {found['try']}\n")
    else:
        # Alone on its line, in a terminal and in a pipe: it is made to be used in $(…).
        sys.stdout.write(f"{found['token']}\n")


@app.command
def rotate(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Sign with a new key from now on. Tokens that are out hold until they expire."""
    found = ask(data, "token/rotate")
    show(found, lambda: f"signing with key {found['kid']}", as_json=json)


@app.command
def clients(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """List who may ask the issuer for tokens, with the secrets for client_credentials."""
    found = ask(data, "token/clients")
    rows = [(c["client_id"], " ".join(c["services"]), c["client_secret"]) for c in found["clients"]]
    show(
        found,
        lambda: f"issuer {found['issuer']}\n\n{table(rows, ('CLIENT', 'SERVICES', 'SECRET'))}",
        as_json=json,
    )
