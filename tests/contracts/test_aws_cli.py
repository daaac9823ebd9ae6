"""The seeds' key commands, as written, with AWS CLI v2."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.contracts import aws_cli
from tests.contracts.aws_house import AwsHouse


def aws(house: AwsHouse, home: Path, command: str) -> Any:
    """The JSON that an `aws` command prints; None when it prints nothing."""
    done = aws_cli.run(command, house.url, home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_a_webhook_url_is_put_and_read_back_as_written(aws_house: AwsHouse, tmp_path: Path) -> None:
    put = "aws ssm put-parameter --name /bday/webhook-url --value https://hooks.example.org/x --type String"
    assert aws(aws_house, tmp_path, put)["Version"] == 1
    shown = aws(aws_house, tmp_path, "aws ssm get-parameter --name /bday/webhook-url --with-decryption")
    assert shown["Parameter"]["Value"] == "https://hooks.example.org/x"
    again = aws_cli.run(put, aws_house.url, tmp_path)
    assert "ParameterAlreadyExists" in again.stderr


def test_database_credentials_are_read(aws_house: AwsHouse, tmp_path: Path) -> None:
    aws_house.secrets.create("bday/db-credentials", '{"username":"bday_app"}')
    shown = aws(aws_house, tmp_path, "aws secretsmanager get-secret-value --secret-id bday/db-credentials")
    assert json.loads(shown["SecretString"])["username"] == "bday_app"


def test_a_function_is_invoked_with_and_without_the_binary_format(
    aws_house: AwsHouse, tmp_path: Path
) -> None:
    plain = "aws lambda invoke --function-name bday-scheduler --payload '{}' out.json"
    raw = "aws lambda invoke --function-name bday-scheduler --cli-binary-format raw-in-base64-out"
    assert aws(aws_house, tmp_path, plain)["StatusCode"] == 200
    assert (tmp_path / "out.json").read_text() == '{"got":{}}'
    aws(aws_house, tmp_path, f"""{raw} --payload '{{"a": 1}}' out.json""")
    assert (tmp_path / "out.json").read_text() == '{"got":{"a":1}}'


def test_a_functions_configuration_is_shown_and_changed(aws_house: AwsHouse, tmp_path: Path) -> None:
    change = "aws lambda update-function-configuration --function-name bday-scheduler"
    aws(aws_house, tmp_path, f"{change} --environment Variables={{LOG_LEVEL=debug}}")
    shown = aws(aws_house, tmp_path, "aws lambda get-function-configuration --function-name bday-scheduler")
    assert shown["Environment"]["Variables"] == {"LOG_LEVEL": "debug"}


def test_queues_are_read_and_written(aws_house: AwsHouse, tmp_path: Path) -> None:
    url = aws(aws_house, tmp_path, "aws sqs get-queue-url --queue-name bday-messages")["QueueUrl"]
    aws(aws_house, tmp_path, f"aws sqs send-message --queue-url {url} --message-body hello")
    got = aws(aws_house, tmp_path, f"aws sqs receive-message --queue-url {url} --wait-time-seconds 5")
    assert got["Messages"][0]["Body"] == "hello"
    counted = aws(
        aws_house, tmp_path, f"aws sqs get-queue-attributes --queue-url {url} --attribute-names All"
    )
    assert counted["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_a_log_is_tailed_and_followed(aws_house: AwsHouse, tmp_path: Path) -> None:
    now = time.time_ns() // 1_000_000
    aws_house.logs.append("bday-dev-scheduler", "2026/11/21/[$LATEST]abc", ["chunk.sent"], at=now)
    done = aws_cli.run("aws logs tail /aws/lambda/bday-scheduler", aws_house.url, tmp_path)
    assert "chunk.sent" in done.stdout

    follower = subprocess.Popen(
        [aws_cli.program(), "logs", "tail", "/aws/lambda/bday-scheduler", "--follow"],
        env=aws_cli.environment(aws_house.url, tmp_path) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert follower.stdout is not None
        assert "chunk.sent" in follower.stdout.readline()
        aws_house.logs.append("bday-dev-scheduler", "2026/11/21/[$LATEST]abc", ["chunk.recorded"])
        assert "chunk.recorded" in follower.stdout.readline()
    finally:
        follower.kill()
        follower.wait()
