"""The state machine of heavy migrations, run by a Step Functions that we did not write: as ours walks."""

import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lamppost.cli.migrate import job_stage
from lamppost.cloud.jobs_machine import definition
from lamppost.errors import OperatorError
from tests.machine import Walk
from tests.ministack import Ministack
from tests.running import LAMPPOST, ROOT, until

AGAIN = {"next": "again", "state": "stopped"}
DONE = {"next": "end", "state": "done"}
PAUSED = {"next": "end", "state": "paused"}
ODD = {"next": "dance", "state": "odd"}
JOBS = ("2025-01-02T0000__shop__touch.sql", "2025-01-03T0000__shop__paint.sql")
OVER = JOBS[1]
# Answers as the execution's own input says, and keeps what it was asked; of a person's words it knows some.
MIGRATOR = """
import json, pathlib
KEPT = pathlib.Path({kept!r})

def job(name):
    state = "paused" if (KEPT / f"{{name}} pause").exists() else "open"
    state = "done" if name == {over!r} else state
    found = {{"name": name, "service": "shop", "table": "shop.things", "state": state}}
    return {{**found, "progress": None, "pid": None}}

def handle(event, context):
    if event["action"] == "jobs":
        return {{"databases": {{"shop": [job(name) for name in {jobs!r}]}}}}
    if event["action"] in ("pause", "resume"):
        (KEPT / (event["job"] + " " + event["action"])).touch()
        if event["action"] == "resume":
            (KEPT / (event["job"] + " pause")).unlink()
        return {{"job": event["job"], "changed": True}}
    if "called" not in event["input"]:
        (KEPT / "ran").write_text(json.dumps(event))
        return {{"next": "end", "state": "done"}}
    kept = KEPT / event["input"]["called"]
    asked = json.loads(kept.read_text()) if kept.exists() else []
    kept.write_text(json.dumps([*asked, event]))
    return event["input"]["answers"][len(asked)]
"""


class Machine:
    """The machine before a migrator that answers as it is told."""

    def __init__(self, ministack: Ministack, folder: Path) -> None:
        self.folder, self.url = folder, ministack.url
        zipped = io.BytesIO()
        with zipfile.ZipFile(zipped, "w") as package:
            package.writestr("migrator.py", MIGRATOR.format(kept=str(folder), jobs=JOBS, over=OVER))
        role = ministack.client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument="{}")
        arn = role["Role"]["Arn"]
        migrator = ministack.client("lambda").create_function(
            FunctionName="migrator-dev",
            Runtime="python3.13",
            Role=arn,
            Handler="migrator.handle",
            Code={"ZipFile": zipped.getvalue()},
        )
        self.states = ministack.client("stepfunctions")
        written = json.dumps(definition()).replace("${Migrator}", migrator["FunctionArn"])
        assert self.states.validate_state_machine_definition(definition=written)["result"] == "OK"
        made = self.states.create_state_machine(name="lamppost-dev-jobs", definition=written, roleArn=arn)
        self.arn = made["stateMachineArn"]

    def run(self, given: dict[str, Any]) -> tuple[str, list[str], list[Any]]:
        """How an execution with this input ends, the states it went through, and what it asked."""
        begun = self.states.start_execution(stateMachineArn=self.arn, input=json.dumps(given))
        execution = begun["executionArn"]
        status = self.ended(execution)
        events = self.states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        entered = [
            event["stateEnteredEventDetails"]["name"] for event in events if "Entered" in event["type"]
        ]
        return status, entered, json.loads((self.folder / given["called"]).read_text())

    def ended(self, execution: str) -> str:
        """Wait for the end of it; its status."""

        def status() -> str | None:
            found: str = self.states.describe_execution(executionArn=execution)["status"]
            return found if found != "RUNNING" else None

        return str(until(status))


@pytest.fixture(scope="module")
def machine(ministack: Ministack, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(ministack, tmp_path_factory.mktemp("asked"))


@pytest.mark.parametrize(
    ("called", "answers", "status"),
    [
        ("done", [AGAIN, AGAIN, DONE], "SUCCEEDED"),
        ("paused", [AGAIN, PAUSED], "SUCCEEDED"),
        ("odd", [ODD], "FAILED"),
    ],
)
def test_it_goes_through_the_same_states_and_asks_the_same(
    machine: Machine, called: str, answers: list[Any], status: str
) -> None:
    given = {"called": called, "answers": answers, "action": "apply"}
    left, asked = iter(answers), []

    def answer(event: Any) -> Any:
        asked.append(event)
        return next(left)

    walk = Walk(definition(), given, answer).run()
    assert machine.run(given) == (status, walk.states, asked)


ACCOUNT = {
    "AWS_REGION": "us-east-2",
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
}


@pytest.fixture
def here(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in this repository, as somebody of that account."""
    for name, value in {**ACCOUNT, "AWS_ENDPOINT_URL": machine.url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)


def command(*words: str) -> tuple[int, Any]:
    """`lamppost migrate job` against that account."""
    done = subprocess.run(
        [LAMPPOST, "migrate", "job", *words, "--stage", "dev", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or done.stderr)


@pytest.mark.usefixtures("here")
def test_a_person_starts_pauses_and_resumes_jobs_of_a_stage(machine: Machine) -> None:
    touch = JOBS[0]
    assert [job.state for job in job_stage.jobs("dev")["shop"]] == ["open", "done"]

    code, told = command("run", "touch")
    assert (code, told["job"]) == (0, touch)
    assert machine.ended(told["execution"]) == "SUCCEEDED"
    asked = json.loads((machine.folder / "ran").read_text())
    assert asked == {"action": "job", "input": {"job": touch}}

    assert command("pause", "touch") == (0, {"job": touch, "state": "paused", "stage": "dev"})
    with pytest.raises(OperatorError, match="is paused in dev"):
        job_stage.start("dev", "touch", resume=False)
    _, execution = job_stage.start("dev", "touch", resume=True)
    assert machine.ended(str(execution)) == "SUCCEEDED"
    assert job_stage.one("dev", "touch")[1].state == "open"


@pytest.mark.usefixtures("here")
def test_a_job_that_is_done_is_not_started_again() -> None:
    done, execution = job_stage.start("dev", "paint", resume=False)
    assert (done.name, execution) == (OVER, None)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["shop", "moon"])
def test_a_name_that_means_none_or_several_is_refused(name: str) -> None:
    with pytest.raises(OperatorError) as refused:
        job_stage.start("dev", name, resume=False)
    assert refused.value.code == "job_unknown"
    assert JOBS[0] in refused.value.fix


@pytest.mark.usefixtures("here")
def test_two_places_at_once_are_refused() -> None:
    code, told = command("list", "--postgres", "dbname=shop")
    assert (code, told["code"]) == (1, "job_place")
