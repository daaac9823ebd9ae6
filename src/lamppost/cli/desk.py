"""Asks the function of a service that answers operators: here through the control door, on AWS by Invoke."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from cyclopts import Parameter

from lamppost.cli.running import DEFAULT_DATA, ask
from lamppost.delivery.operations import Request
from lamppost.delivery.reports import refusal
from lamppost.errors import LamppostError, OperatorError

Report = TypeVar("Report")


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Whom a command asks."""

    service: Annotated[
        str | None, Parameter(name="--service", help="Whose deliveries, where several services have some.")
    ] = None
    aws: Annotated[
        str | None,
        Parameter(
            name="--aws",
            help="Ask this function on AWS, as the AWS_* variables say, not here: bday-operations.",
        ),
    ] = None
    data: Annotated[
        Path, Parameter(name="--data", help="The local system's data folder.", env_var="LAMPPOST_DATA")
    ] = DEFAULT_DATA


HERE = Where()


class Desk:
    """The function that answers, found once and asked as often as it takes."""

    def __init__(self, where: Where) -> None:
        self._where = where
        if where.aws is None:
            self._function: str = ask(where.data, "operations", service=where.service)["function"]
        else:
            self._function, self._lambda = where.aws, _connect()

    def ask(self, request: Request, report: type[Report]) -> Report:
        """Its report. Raises what it refuses, and `OperatorError` when it failed."""
        said = self._here(request) if self._where.aws is None else self._on_aws(request)
        refused = refusal(said)
        if refused is not None:
            raise LamppostError(refused["what"], fix=refused["fix"], code=refused["code"])
        try:
            return msgspec.convert(said, report)
        except msgspec.ValidationError as strange:
            raise _failed(self._function, f"its answer is not ours: {strange}") from strange

    def _here(self, request: Request) -> Any:
        result = ask(
            self._where.data, "invoke", function=self._function, payload=msgspec.to_builtins(request)
        )
        if result["error"]:
            raise _failed(self._function, str((result["payload"] or {}).get("errorMessage", result["error"])))
        return result["payload"]

    def _on_aws(self, request: Request) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._lambda.invoke(FunctionName=self._function, Payload=msgspec.json.encode(request))
            said = msgspec.json.decode(answer["Payload"].read())
        except (ClientError, BotoCoreError) as trouble:
            raise OperatorError(
                f"{self._function} cannot be asked: {trouble}",
                fix="set AWS_REGION and credentials that may invoke it; each stage has its own name",
                code="operations_unreachable",
            ) from trouble
        if "FunctionError" in answer:
            raise _failed(self._function, str(said.get("errorMessage", answer["FunctionError"])))
        return said


def _connect() -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as missing:
        raise OperatorError("boto3 is not installed", fix="pip install 'lamppost[local]'") from missing
    from botocore.exceptions import BotoCoreError

    try:
        # A request may take its minute; asked twice, it would be done twice.
        return boto3.client(
            "lambda",
            region_name=os.environ.get("AWS_REGION") or None,
            config=Config(read_timeout=70, retries={"mode": "standard", "max_attempts": 1}),
        )
    except BotoCoreError as trouble:
        raise OperatorError(
            f"AWS cannot be asked: {trouble}", fix="set AWS_REGION", code="operations_unreachable"
        ) from trouble


def _failed(function: str, why: str) -> OperatorError:
    return OperatorError(
        f"{function} failed: {why}", fix=f"lamppost logs {function}", code="operations_failed"
    )
