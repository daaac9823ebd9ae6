"""A way from this machine to a stage's database: Systems Manager's agent leads there, and no port is open."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from lamppost.cloud.stages import Stage
from lamppost.declare import names
from lamppost.errors import OperatorError

_POSTGRES = 5432
_READY = b"Waiting for connections"
_DOCUMENT = "AWS-StartPortForwardingSessionToRemoteHost"


class Way(msgspec.Struct, frozen=True):
    """Through this machine to this host, from a local port."""

    machine: str
    host: str
    region: str
    port: int

    def command(self) -> list[str]:
        """What starts the session."""
        parameters = {
            "host": [self.host],
            "portNumber": [str(_POSTGRES)],
            "localPortNumber": [str(self.port)],
        }
        return [
            *("aws", "ssm", "start-session", "--region", self.region, "--target", self.machine),
            *("--document-name", _DOCUMENT, "--parameters", json.dumps(parameters)),
        ]


class Login(msgspec.Struct, frozen=True):
    """Who somebody is in the database. Never shown."""

    username: str
    password: str
    dbname: str


def programs() -> None:
    """Raise `OperatorError` unless AWS's command line and its plugin for sessions are here."""
    for program, fix in (
        ("aws", "install AWS CLI v2"),
        (
            "session-manager-plugin",
            "install the Session Manager plugin for the AWS CLI; AWS has packages of it",
        ),
    ):
        if shutil.which(program) is None:
            raise OperatorError(f"{program} is not on this machine", fix=fix, code="program_missing")


def way(stage: Stage) -> Way:
    """The way into the database of `stage`. Raises `OperatorError` where it has none."""
    if not stage.settings.shell:
        raise OperatorError(
            f"stage {stage.env} has no way in for people",
            fix=f"give it shell = true in infra/stages.toml, then lamppost deploy --stage {stage.env}",
            code="stage_without_shell",
        )
    machine = _output(stage, "Shell", "ShellInstanceId")
    host = _output(stage, "Database", "DbHost")
    return Way(machine, host, stage.settings.region, _free_port())


def login(stage: Stage, secret: str) -> Login:
    """Who the functions of a database are, by the logical name of its secret. Raises `OperatorError`."""
    from botocore.exceptions import BotoCoreError, ClientError

    name = names.physical(secret, stage.env)
    try:
        found = _client("secretsmanager", stage).get_secret_value(SecretId=name)["SecretString"]
    except (BotoCoreError, ClientError) as refused:
        raise OperatorError(
            f"the secret {name} cannot be read: {refused}",
            fix="use credentials that may read it",
            code="secret_unreadable",
        ) from refused
    return msgspec.json.decode(found, type=Login)


@contextmanager
def opened(way: Way) -> Iterator[None]:
    """The way, open until the block ends. Raises `OperatorError` when Systems Manager refuses it."""
    # A session of its own: Ctrl-C in psql cancels a query, and must not end the way under it.
    session = subprocess.Popen(way.command(), stdout=subprocess.PIPE, start_new_session=True)
    assert session.stdout is not None
    try:
        said = b""
        for line in session.stdout:
            said += line
            if _READY in line:
                break
        else:
            why = said.decode(errors="replace").strip() or "it said why above"
            raise OperatorError(
                f"Systems Manager opened no way: {why}",
                fix="look whether the machine runs, and whether you may start sessions (ssm:StartSession)",
                code="session_refused",
            )
        yield
    finally:
        # The plugin is a child of `aws`, and both go together.
        with suppress(ProcessLookupError):
            os.killpg(session.pid, signal.SIGTERM)
        session.wait()
        session.stdout.close()


def _output(stage: Stage, stack: str, key: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    name = stage.platform(stack)
    try:
        (found,) = _client("cloudformation", stage).describe_stacks(StackName=name)["Stacks"]
    except (BotoCoreError, ClientError) as refused:
        raise OperatorError(
            f"the stack {name} cannot be asked: {refused}",
            fix=f"deploy it: lamppost deploy --stage {stage.env}",
            code="stack_missing",
        ) from refused
    for each in found.get("Outputs", ()):
        if each["OutputKey"] == key:
            return str(each["OutputValue"])
    raise OperatorError(
        f"the stack {name} has no output {key}",
        fix=f"deploy it as it is now: lamppost deploy --stage {stage.env}",
        code="stack_missing",
    )


def _client(service: str, stage: Stage) -> Any:
    import boto3.session

    return boto3.session.Session().client(service, region_name=stage.settings.region)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
