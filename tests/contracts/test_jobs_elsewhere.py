"""The state machine of heavy migrations, run by a Step Functions that we did not write: as ours walks."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lamppost.cloud.jobs_machine import definition
from tests.machine import Walk
from tests.ministack import Ministack
from tests.running import until

AGAIN = {"next": "again", "state": "stopped"}
DONE = {"next": "end", "state": "done"}
PAUSED = {"next": "end", "state": "paused"}
ODD = {"next": "dance", "state": "odd"}
# Answers as the execution's own input says, and keeps what it was asked.
MIGRATOR = """
import json, pathlib
KEPT = pathlib.Path({kept!r})

def handle(event, context):
    kept = KEPT / event["input"]["called"]
    asked = json.loads(kept.read_text()) if kept.exists() else []
    kept.write_text(json.dumps([*asked, event]))
    return event["input"]["answers"][len(asked)]
"""


class Machine:
    """The machine before a migrator that answers as it is told."""

    def __init__(self, ministack: Ministack, folder: Path) -> None:
        self.folder = folder
        zipped = io.BytesIO()
        with zipfile.ZipFile(zipped, "w") as package:
            package.writestr("migrator.py", MIGRATOR.format(kept=str(folder)))
        role = ministack.client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument="{}")
        arn = role["Role"]["Arn"]
        migrator = ministack.client("lambda").create_function(
            FunctionName="jobs-migrator",
            Runtime="python3.13",
            Role=arn,
            Handler="migrator.handle",
            Code={"ZipFile": zipped.getvalue()},
        )
        self.states = ministack.client("stepfunctions")
        written = json.dumps(definition()).replace("${Migrator}", migrator["FunctionArn"])
        assert self.states.validate_state_machine_definition(definition=written)["result"] == "OK"
        made = self.states.create_state_machine(name="jobs", definition=written, roleArn=arn)
        self.arn = made["stateMachineArn"]

    def run(self, given: dict[str, Any]) -> tuple[str, list[str], list[Any]]:
        """How an execution with this input ends, the states it went through, and what it asked."""
        begun = self.states.start_execution(stateMachineArn=self.arn, input=json.dumps(given))
        execution = {"executionArn": begun["executionArn"]}

        def ended() -> Any:
            found = self.states.describe_execution(**execution)
            return found if found["status"] != "RUNNING" else None

        status = until(ended)["status"]
        events = self.states.get_execution_history(**execution, maxResults=1000)["events"]
        entered = [
            event["stateEnteredEventDetails"]["name"] for event in events if "Entered" in event["type"]
        ]
        return status, entered, json.loads((self.folder / given["called"]).read_text())


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
