"""`lamppost db`: the way into the databases, of this machine and of a stage."""

import os
import shutil
from typing import Annotated, NoReturn

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
    stage: Annotated[
        str | None, Parameter(help="A stage on AWS, through Systems Manager; else the system that runs here.")
    ] = None,
    show_command: Annotated[
        bool, Parameter(name="--print", negative=(), help="With --stage: only print what would be run.")
    ] = False,
    data: Data = DEFAULT_DATA,
) -> int:
    """Open psql. The session reads only, unless --write.

    A stage's database is reached without a public address or an open port: Systems Manager leads there
    through the small machine that `shell = true` gives the stage. The server still proves its name, and the
    password is read from Secrets Manager with your own rights.
    """
    if stage is None:
        _become_psql(_url(database, admin, data), write=write)
    from lamppost.cli.stage_shell import open_shell

    return open_shell(database, stage, write=write, admin=admin, only_print=show_command)


def _become_psql(found: str, *, write: bool) -> NoReturn:
    psql = shutil.which("psql") or _shipped()
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
