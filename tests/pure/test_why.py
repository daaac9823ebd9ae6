"""`lamppost why`: each right leads to the line that declares it, and a missing one to what to write."""

import json
from typing import Any

import pytest

from lamppost.cli.commands import run
from lamppost.derive import why, written
from lamppost.derive.manifest import Manifest
from lamppost.errors import OperatorError
from lamppost.pack.discover import discover
from tests.running import ROOT

DEV = why.Place("dev", "us-east-2", "123456789012")
QUEUE = "arn:aws:sqs:us-east-2:123456789012:bday-dev-messages"


@pytest.fixture(scope="module")
def system() -> Manifest:
    return discover(ROOT)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The exit code of `lamppost why`, and what it answers a program."""
    monkeypatch.chdir(ROOT)

    def ask(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = run(["why", *arguments])
        out, err = capsys.readouterr()
        return code, json.loads(out or err)

    return ask


def test_a_right_leads_to_the_line_that_declares_it(told: Any) -> None:
    code, answer = told("birthday.worker", "sqs:SendMessage", "--resource", "bday-messages-dlq")
    (reason,) = answer["reasons"]

    assert code == 0
    assert reason["because"] == "sends=bday-messages-dlq"
    place, _, what = reason["declared"].partition("  ")
    file, _, line = place.partition(":")
    assert "bday-messages-dlq" in (ROOT / file).read_text().splitlines()[int(line) - 1]
    assert what.startswith("sends=(")
    assert reason["statement"]["Resource"].endswith(":bday-dev-messages-dlq")


def test_a_queue_lets_its_function_receive(told: Any) -> None:
    code, answer = told("worker", "sqs:receivemessage")
    assert code == 0
    assert answer["action"] == "sqs:ReceiveMessage"
    assert answer["reasons"][0]["declared"].endswith('Queue("bday-messages", runs=deliver)')


def test_what_nothing_grants_comes_with_what_to_write(told: Any) -> None:
    code, answer = told("users.api", "sqs:SendMessage", "--resource", "orders-events")
    assert (code, answer["allowed"]) == (1, False)
    assert answer["write"] == ['sends=("orders-events",) in Function(name="api")']

    code, answer = told("bday-api", "dynamodb:PutItem")
    assert code == 1
    assert "no word of a declaration grants dynamodb:PutItem" in answer["write"][0]


@pytest.mark.parametrize(
    ("arguments", "code", "fix"),
    [
        (("bday-wrker", "sqs:SendMessage"), "no_such_function", "did you mean bday-worker?"),
        (("api", "sqs:SendMessage"), "function_unclear", "say which"),
        (("worker", "SendMessage"), "no_such_action", "did you mean sqs:SendMessage?"),
        (("worker", "launder"), "no_such_action", "write it like sqs:SendMessage"),
    ],
)
def test_a_slip_is_answered_with_a_guess(told: Any, arguments: tuple[str, ...], code: str, fix: str) -> None:
    exit_code, answer = told(*arguments)
    assert (exit_code, answer["code"], answer["fix"]) == (1, code, fix)


def test_a_function_is_found_by_each_of_its_names(system: Manifest) -> None:
    for name in ("birthday.worker", "worker", "bday-worker", "bday-dev-worker"):
        assert why.find(system, name)[1].named == "bday-worker"


@pytest.mark.parametrize("resource", [QUEUE, "bday-messages", "bday-dev-messages", None])
def test_a_resource_is_named_by_its_arn_or_its_name(system: Manifest, resource: str | None) -> None:
    service, scheduler = why.find(system, "bday-scheduler")
    assert why.why(service, scheduler, "sqs:SendMessage", DEV, resource).allowed


def test_another_systems_queue_is_another_matter(system: Manifest) -> None:
    service, scheduler = why.find(system, "bday-scheduler")
    for other in (QUEUE + "-of-others", "messages", QUEUE.replace("123456789012", "999999999999")):
        assert not why.why(service, scheduler, "sqs:SendMessage", DEV, other).allowed


def test_a_secret_is_known_by_the_arn_that_aws_gave_it(system: Manifest) -> None:
    service, worker = why.find(system, "bday-worker")
    arn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:bday/dev/db-credentials-AbCdEf"
    answer = why.why(service, worker, "secretsmanager:GetSecretValue", DEV, arn)
    assert [reason.keyword for reason in answer.reasons] == ["database"]
    assert not why.why(service, worker, "secretsmanager:GetSecretValue", DEV, arn + "x").allowed


def test_a_missing_parameter_is_declared_as_well_as_read(system: Manifest) -> None:
    service, worker = why.find(system, "bday-worker")
    answer = why.why(service, worker, "ssm:GetParameter", DEV, "/bday/new")
    assert answer.write == (
        'reads=("/bday/new",) in Function(name="worker")',
        'Parameter("/bday/new", "what it is for") in parameters= of the service',
    )


def test_an_action_is_a_service_and_a_name(system: Manifest) -> None:
    service, worker = why.find(system, "bday-worker")
    with pytest.raises(OperatorError, match="no action"):
        why.why(service, worker, "sqs:", DEV)


def test_a_line_is_found_where_it_stands() -> None:
    source = """one = Function(
    name="a",
    sends=("q",),
)
Queue(name="q", runs=one)
Database("d", secret="s")
"""
    assert written.function_line(source, "a", "sends") == (3, 'sends=("q",)')
    assert written.function_line(source, "a", "reads") == (1, 'Function(name="a")')
    assert written.function_line(source, "b") is None
    assert written.queue_line(source, "q") == (5, 'Queue("q", runs=one)')
    assert written.database_line(source) == (6, 'Database("d", secret="s")')
