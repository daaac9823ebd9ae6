"""`lamppost db`: the way into the databases."""

import os
import shutil
from typing import Annotated

from cyclopts import App, Parameter

from lamppost.cli.output import show
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask
from lamppost.errors import OperatorError

app = App(name="db", help="Reach the databases.")

Name = Annotated[str, Parameter(help="The database: bday, barkbase, …")]


@app.command
def url(
    database: Name,
    *,
    admin: Annotated[
        bool, Parameter(negative=(), help="As the administrator instead of the app role.")
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Print the URL for psql and other tools."""
    found = _url(database, admin, data)
    show({"url": found}, lambda: found, as_json=json)


@app.command
def shell(
    database: Name,
    *,
    write: Annotated[
        bool, Parameter(negative=(), help="Allow changes; without it the session only reads.")
    ] = False,
    admin: Annotated[
        bool, Parameter(negative=(), help="As the administrator instead of the app role.")
    ] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Open psql. The session reads only, unless --write."""
    psql = shutil.which("psql") or _shipped()
    found = _url(database, admin, data)
    settings = "" if write else "-c default_transaction_read_only=on"
    environment = {**os.environ, "PGOPTIONS": settings}
    os.execvpe(psql, [psql, found], environment)


def _url(database: str, admin: bool, data: Data) -> str:
    urls = ask(data, "db/urls")
    if database not in urls:
        raise OperatorError(f"there is no database {database!r}", fix=f"one of: {', '.join(urls)}")
    return str(urls[database]["admin" if admin else "app"])


def _shipped() -> str:
    from lamppost.local.postgres.binaries import find

    return str(find() / "psql")
