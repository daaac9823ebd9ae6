"""Another stage's ledgers, told by its migrator: the databases themselves are private there."""

import os
from typing import Any, TypeVar

import msgspec

from lamppost.declare import names
from lamppost.errors import OperatorError
from lamppost.migrate.ledger import Row

MIGRATOR = "migrator-{env}"
TIMEOUT = 60

T = TypeVar("T")


class _Told(msgspec.Struct):
    databases: dict[str, tuple[Row, ...]]


def ledger(stage: str) -> dict[str, tuple[Row, ...]]:
    """Every database's ledger in `stage` (`dev`, `prod`), asked of its migrator function.

    Region, account and credentials are boto3's usual ones. Raises `OperatorError` when there is no such
    stage, when this account may not ask, and with what the migrator itself refuses.
    """
    name = names.physical(MIGRATOR, stage)
    return understood(name, ask(name, {"action": "ledger"}), _Told).databases


def understood(name: str, answer: Any, kind: type[T]) -> T:
    """What the migrator `name` answered, as `kind`. Raises `OperatorError` where it is another version's."""
    try:
        return msgspec.convert(answer, kind, strict=False)
    except msgspec.ValidationError as odd:
        raise OperatorError(
            f"{name} answers in a way this version does not know: {odd}",
            fix="deploy the stage with this version, or ask with the one it was deployed with",
            code="stage_answer",
        ) from odd


def ask(name: str, event: dict[str, str], *, region: str | None = None) -> Any:
    """What the function `name` answers in `region`, by default AWS_REGION or boto3's usual one.

    Raises `OperatorError` as `ledger` does.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    patient = Config(read_timeout=TIMEOUT, connect_timeout=5, retries={"mode": "standard", "max_attempts": 2})
    try:
        # Unlike the command line, boto3 knows AWS_DEFAULT_REGION only.
        where = region or os.environ.get("AWS_REGION")
        client = boto3.client("lambda", region_name=where, config=patient)
        answer = client.invoke(FunctionName=name, Payload=msgspec.json.encode(event))
        told = msgspec.json.decode(answer["Payload"].read())
    except ClientError as refused:
        missing = refused.response.get("Error", {}).get("Code") == "ResourceNotFoundException"
        raise OperatorError(
            f"there is no function {name}: the stage is not deployed in this account and region"
            if missing
            else f"{name} could not be asked: {refused}",
            fix="check the stage's name, AWS_PROFILE and AWS_REGION; asking needs lambda:InvokeFunction",
            code="stage_unreachable",
        ) from refused
    except (BotoCoreError, msgspec.DecodeError) as broken:
        raise OperatorError(
            f"{name} could not be asked: {broken}",
            fix="check AWS_PROFILE, AWS_REGION and the network",
            code="stage_unreachable",
        ) from broken
    if "FunctionError" in answer:
        raise OperatorError(
            f"{name} failed: {told.get('errorMessage', 'it does not say why')}",
            fix="look into its log: lamppost logs, or aws logs tail",
            code="stage_refused",
        )
    return told
