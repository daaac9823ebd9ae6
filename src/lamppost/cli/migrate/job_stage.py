"""`lamppost migrate job … --stage S`: jobs of a stage on AWS, asked of its migrator and its state machine."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lamppost.cli.migrate.job_words import calls
from lamppost.declare import names
from lamppost.errors import OperatorError
from lamppost.migrate.jobs.run import Job
from lamppost.migrate.remote import MIGRATOR, T, ask, understood


class _Told(msgspec.Struct):
    databases: dict[str, tuple[Job, ...]]


class _Changed(msgspec.Struct):
    job: str
    changed: bool


def jobs(stage: str) -> Mapping[str, Sequence[Job]]:
    """Every job of each of the stage's databases. Raises `OperatorError` as `remote.ledger` does."""
    return _asked(stage, {"action": "jobs"}, _Told).databases


def one(stage: str, name: str) -> tuple[str, Job]:
    """The one job that `name` means, and its database. Raises `OperatorError` for none, or for several."""
    every = [(database, job) for database, found in jobs(stage).items() for job in found]
    exact = [pair for pair in every if name.removesuffix(".sql") in calls(pair[1].name)]
    found = exact or [pair for pair in every if name in pair[1].name]
    if len(found) != 1:
        known = ", ".join(job.name for _, job in (found or every)) or "(none there)"
        count = f"{len(found)} jobs" if found else "no job"
        raise OperatorError(
            f"{name!r} is the name of {count} in {stage}", fix=f"name one of: {known}", code="job_unknown"
        )
    return found[0]


def pause(stage: str, name: str) -> Job:
    """Stop it behind its present batch. Raises `OperatorError` where it neither runs nor stands paused."""
    _, job = one(stage, name)
    if job.table is None:
        raise OperatorError(
            f"{job.name} is no walk, and has no batches to stop between",
            fix="stop the execution: aws stepfunctions stop-execution; its present piece goes on to its end",
            code="job_pause",
        )
    if job.state != "paused" and not _changed(stage, "pause", job.name):
        raise OperatorError(
            f"{job.name} is {job.state}, and so nothing is to be paused",
            fix=f"see lamppost migrate job list --stage {stage}",
            code="job_pause",
        )
    return job


def start(stage: str, name: str, *, resume: bool) -> tuple[Job, str | None]:
    """Let the stage's state machine run it: the job as it stood, and the execution's ARN.

    There is none for a job that is done. Raises `OperatorError` for a paused one, save to `resume` it.
    """
    _, job = one(stage, name)
    if job.state == "done":
        return job, None
    if job.state == "paused":
        if not resume:
            raise OperatorError(
                f"{job.name} is paused in {stage}",
                fix=f"lamppost migrate job resume {job.name} --stage {stage}",
                code="job_paused",
            )
        _changed(stage, "resume", job.name)
    return job, _execution(stage, job.name)


def _changed(stage: str, action: str, name: str) -> bool:
    return _asked(stage, {"action": action, "job": name}, _Changed).changed


def _asked(env: str, event: dict[str, str], kind: type[T]) -> T:
    from lamppost.cloud import stages

    migrator = names.physical(MIGRATOR, env)
    region = stages.choose(stages.read(), env).settings.region
    return understood(migrator, ask(migrator, event, region=region), kind)


def _execution(env: str, name: str) -> str:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    from lamppost.cloud import stages
    from lamppost.cloud.jobs_machine import named

    stage = stages.choose(stages.read(), env)
    machine = named(stage.system, stage.env)
    try:
        states = boto3.client("stepfunctions", region_name=stage.settings.region)
        account = boto3.client("sts", region_name=stage.settings.region).get_caller_identity()["Account"]
        arn = f"arn:aws:states:{stage.settings.region}:{account}:stateMachine:{machine}"
        begun: dict[str, Any] = states.start_execution(
            stateMachineArn=arn, input=msgspec.json.encode({"job": name}).decode()
        )
    except (BotoCoreError, ClientError) as refused:
        raise OperatorError(
            f"the state machine {machine} could not be started: {refused}",
            fix=f"deploy {stage.platform('Jobs')}, and see who you are: aws sts get-caller-identity",
            code="stage_unreachable",
        ) from refused
    return str(begun["executionArn"])
