"""`lamppost up`: the whole system on this machine, in the foreground."""

import os
import shlex
import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from lamppost.cli.running import DEFAULT_DATA, Data
from lamppost.local.options import Options
from lamppost.local.state import Running
from lamppost.observe.log import Log

if TYPE_CHECKING:
    from lamppost.local.http import Handler
    from lamppost.local.system import System


def up(
    *,
    port: Annotated[
        int, Parameter(help="The HTTP APIs, the console and the inbox; 0 picks a free one.")
    ] = 8000,
    aws_port: Annotated[int, Parameter(help="AWS's APIs; 0 picks a free one.")] = 8001,
    data: Data = DEFAULT_DATA,
    postgres: Annotated[str | None, Parameter(help="Use this PostgreSQL server instead of our own.")] = None,
    json: Annotated[
        bool, Parameter(negative=(), help="First line of output: one JSON object, once ready.")
    ] = False,
    fast: Annotated[
        bool, Parameter(negative=(), help="No thread per invocation; on AWS there is one.")
    ] = False,
    allow_webhook: Annotated[
        tuple[str, ...],
        Parameter(help="HOST:PORT of a private receiver webhooks may reach; may be repeated."),
    ] = (),
    allow_loopback: Annotated[bool, Parameter(help="Webhooks may reach this machine.")] = True,
    reload: Annotated[
        bool, Parameter(help="Take over changed code and new migrations while running.")
    ] = True,
) -> int:
    """Run the whole system here: PostgreSQL, functions, queues, schedules, HTTP, AWS's APIs.

    Everything a service declares is made: databases, migrations, queues, parameters, secrets.
    Ctrl-C drains and stops; nothing accepted is lost, then or after a crash.
    """
    from lamppost.local.up import run

    options = Options(
        root=Path.cwd(),
        data=data.resolve(),
        port=port,
        aws_port=aws_port,
        postgres=postgres,
        fast=fast,
        loopback=allow_loopback,
        allow=allow_webhook,
        reload=reload,
    )
    quiet = json or not sys.stdout.isatty()

    def say(line: str) -> None:
        (sys.stderr if quiet else sys.stdout).write(f"  {line}\n")

    def ready(running: Running) -> None:
        text = msgspec.json.encode(running.public()).decode() if quiet else _in_words(running, options)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    log = Log({"part": "runner"}, write=lambda line: sys.stderr.write(line + "\n"))
    return run(options, ready, say, log, _apps)


def _apps(system: "System") -> dict[str, "Handler"]:
    # Asked for when PostgreSQL is on its way already: the page's modules cost no start.
    from lamppost.console.app import apps

    return apps(system)


def _in_words(running: Running, options: Options) -> str:
    width = max((len(name) for name in running.apis), default=0)
    apis = "\n".join(f"    {name.ljust(width)}  {url}" for name, url in running.apis.items())
    loopback = (
        "  webhooks may reach this machine (--no-allow-loopback forbids it)\n" if options.loopback else ""
    )
    return f"""
  Lamppost is up (pid {os.getpid()}). Ctrl-C drains and stops.

  APIs
{apis}
  console     {running.console}
  inbox       {running.inbox}
  AWS         export AWS_ENDPOINT_URL={running.aws} AWS_ACCESS_KEY_ID=local \\
                     AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-2
  PostgreSQL  {running.postgres}
{loopback}
  Try
    {_first_thing(running)}
"""


def _first_thing(running: Running) -> str:
    if "birthday" not in running.apis:
        return f"curl {running.console}"
    today = datetime.now(UTC).date()
    year = today.year + (today >= date(today.year, 12, 9))
    return f"""curl -X POST {running.apis["birthday"]}/user -H 'content-type: application/json' \\
      -d '{{"firstName":"Ada","lastName":"Lovelace","dateOfBirth":"1990-12-10","timezone":"Europe/London"}}'
    {_as_typed()} clock set {year}-12-10T09:00:00Z
    curl {running.inbox}"""


def _as_typed() -> str:
    """How this command was called: it need not be on the PATH."""
    here = Path(sys.argv[0])
    found = shutil.which(here.name)
    return here.name if found and here.exists() and Path(found).samefile(here) else shlex.quote(str(here))
