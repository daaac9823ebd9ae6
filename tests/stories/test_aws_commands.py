"""The seeds' key commands, typed as they stand there, with AWS CLI v2 against a running system."""

import json
import re
import shlex
import subprocess
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from lamppost.local.postgres.binaries import find
from tests.contracts import aws_cli
from tests.repository import Repository
from tests.running import House, until


class Shell:
    """A user's shell in an empty folder, after `export AWS_ENDPOINT_URL=...`."""

    def __init__(self, house: House, home: Path) -> None:
        self.house = house
        self.home = home

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return aws_cli.run(command, self.house.running["aws"], self.home)

    def __call__(self, command: str):
        """What the command prints, as JSON; None when it prints nothing."""
        done = self.run(command)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    @contextmanager
    def following(self, command: str):
        """The command's output line by line, while it runs; ended afterwards."""
        environment = aws_cli.environment(self.house.running["aws"], self.home) | {"PYTHONUNBUFFERED": "1"}
        follower = subprocess.Popen(
            [aws_cli.program(), *shlex.split(command)[1:]], env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            yield follower.stdout
        finally:
            follower.kill()
            follower.wait()


@pytest.fixture
def shell(house: House, tmp_path: Path) -> Shell:
    return Shell(house, tmp_path)


def client(house: House, service: str):
    return boto3.client(
        service,
        endpoint_url=house.running["aws"],
        region_name="us-east-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"max_attempts": 0}),
    )


def test_barkbases_health_check_gives_the_seeds_answer(shell: Shell):
    told = shell("""aws lambda invoke \
      --function-name barkbase-dev-db-healthcheck \
      --payload '{}' \
      --cli-binary-format raw-in-base64-out \
      response.json""")
    assert told == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    answer = json.loads((shell.home / "response.json").read_text())
    assert set(answer) == {"statusCode", "body"}
    assert answer["statusCode"] == 200
    body = json.loads(answer["body"])
    assert body["ok"] is True
    assert body["database"]["connected"] is True
    for time in (body["database"]["serverTime"], body["timestamp"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)


def test_the_health_checks_log_has_the_seeds_search_words(shell: Shell):
    shell("aws lambda invoke --function-name barkbase-dev-db-healthcheck response.json")
    said = shell.run("aws logs tail /aws/lambda/barkbase-dev-db-healthcheck --since 1h").stdout
    assert "[DB-HEALTHCHECK]" in said
    assert "[DB-LAYER]" in said


def test_the_scheduler_is_invoked_by_hand_and_its_log_is_followed(shell: Shell):
    with shell.following("aws logs tail /aws/lambda/bday-scheduler --follow") as lines:
        shell("""aws lambda invoke \
          --function-name bday-scheduler \
          --payload '{}' \
          response.json""")
        assert any("greetings.claimed" in line for line in lines)
    assert (shell.home / "response.json").read_text() == "null"


def test_a_name_given_on_the_command_line_is_understood_with_its_region(shell: Shell):
    shown = shell("aws lambda get-function-configuration --function-name bday-scheduler --region us-east-1")
    assert shown["FunctionName"] == "bday-scheduler"
    assert shown["Timeout"] == 60


def test_the_webhook_url_is_put_overwritten_and_read(new_house, tmp_path):
    house = new_house().up()
    shell = Shell(house, tmp_path)
    before = shell("aws ssm get-parameter --name /bday/webhook-url")["Parameter"]
    assert before["Value"] == house.running["inbox"]
    put = "aws ssm put-parameter --name /bday/webhook-url"
    refused = shell.run(f'{put} --value "https://webhook.site/abc-123" --type String')
    assert "ParameterAlreadyExists" in refused.stderr
    shell("""aws ssm put-parameter \
      --name /bday/webhook-url \
      --value "https://new-webhook.com/xyz" \
      --overwrite""")
    shown = shell("aws ssm get-parameter --name /bday/webhook-url")["Parameter"]
    assert (shown["Value"], shown["Type"], shown["Version"]) == (
        "https://new-webhook.com/xyz",
        "String",
        before["Version"] + 1,
    )
    assert house.run("params", "get", "/bday/webhook-url")["value"] == "https://new-webhook.com/xyz"


@pytest.mark.parametrize("secret", ["bday/db-credentials", "barkbase/dev/postgres/credentials"])
def test_a_databases_secret_opens_it(shell: Shell, secret: str):
    import psycopg

    shown = shell(f"""aws secretsmanager get-secret-value \
      --secret-id {secret}""")
    held = json.loads(shown["SecretString"])
    where = {"host": held["host"], "port": held["port"], "dbname": held["dbname"]}
    with psycopg.connect(user=held["username"], password=held["password"], **where) as database:
        assert database.execute("select current_user").fetchone() == (held["username"],)


def test_psql_opens_the_printed_url(house: House):
    program = str(find() / "psql")
    url = house.run("db", "url", "bday")["url"]
    for each in (url, house.running["postgres"]):
        asked = [program, each, "-Atc", "select 6 * 7"]
        assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "42\n"


def test_a_changed_environment_restarts_the_worker(new_house, tmp_path):
    house = new_house().up()
    shell = Shell(house, tmp_path)

    def stream() -> str:
        shell("aws lambda invoke --function-name bday-scheduler out.json")
        newest = client(house, "logs").describe_log_streams(
            logGroupName="/aws/lambda/bday-scheduler", orderBy="LastEventTime", descending=True
        )
        return newest["logStreams"][0]["logStreamName"]

    first = stream()
    assert stream() == first
    shell("""aws lambda update-function-configuration \
      --function-name bday-scheduler \
      --environment Variables="{RUST_LOG=debug,WHO=me}" """)
    shown = shell("aws lambda get-function-configuration --function-name bday-scheduler")
    assert shown["Environment"]["Variables"] == {"RUST_LOG": "debug", "WHO": "me"}
    # One log stream is one worker, as on AWS.
    assert stream() != first


def test_the_queue_is_reached_with_nothing_but_the_endpoint(shell: Shell):
    url = shell("aws sqs get-queue-url --queue-name bday-messages-dlq")["QueueUrl"]
    shell(f"aws sqs send-message --queue-url {url} --message-body by-hand")
    (message,) = shell(f"aws sqs receive-message --queue-url {url} --wait-time-seconds 5")["Messages"]
    assert message["Body"] == "by-hand"
    shell(f"aws sqs delete-message --queue-url {url} --receipt-handle {message['ReceiptHandle']}")


LEFT = "select due_at - now() from local.events where attempts = %s"
KNOCK = '{"service": "sqs", "call": "list_queues", "with": {}}'


def test_a_failing_asynchronous_invoke_is_tried_three_times_and_kept(new_house, tmp_path):
    house = new_house(root=Repository(tmp_path / "repository").root).up()
    shell = Shell(house, tmp_path)
    event = "aws lambda invoke --function-name shop-fail --invocation-type Event --payload '{}' out.json"
    assert shell(event)["StatusCode"] == 202

    with house.database("lamppost_local") as home:
        for attempt, wait in ((1, 60), (2, 120)):
            left = until(partial(one, home, LEFT, attempt))
            assert timedelta(seconds=wait - 20) < left <= timedelta(seconds=wait)
            # The waits are minutes of wall time. Moving the due time and knocking is what a minute does.
            home.execute("update local.events set due_at = now()")
            house.run("invoke", "shop.reach", "--later", "--payload", KNOCK)
        until(lambda: one(home, "select 1 from local.events where attempts = 2") is None)

    (kept,) = until(lambda: house.run("queue", "peek", "shop-fail-failures"))
    assert kept["body"]["requestContext"]["condition"] == "RetriesExhausted"
    assert kept["body"]["requestContext"]["approximateInvokeCount"] == 3
    assert kept["body"]["responsePayload"]["errorMessage"] == "no such shelf"
    assert kept["body"]["requestPayload"] == {}


def test_a_worker_may_do_only_what_it_declared(new_house, tmp_path):
    house = new_house(root=Repository(tmp_path / "repository").root).up()
    url = f"{house.running['aws']}/000000000000/shop-parcels"

    def reach(service: str, call: str, **given: object) -> list[str]:
        payload = json.dumps({"service": service, "call": call, "with": given})
        return house.run("invoke", "shop.reach", "--payload", payload)["payload"]

    assert reach("sqs", "send_message", QueueUrl=url, MessageBody='{"id": 1}') == ["done", ""]
    for code, said in (
        reach("sqs", "receive_message", QueueUrl=url),
        reach("ssm", "put_parameter", Name="/shop/x", Value="x", Type="String"),
        reach("secretsmanager", "get_secret_value", SecretId="bday/db-credentials"),
        reach("lambda", "invoke", FunctionName="shop-fail"),
    ):
        assert code in ("AccessDenied", "AccessDeniedException")
        assert "shop-dev-reach" in said


def one(database, query: str, *arguments: object):
    """The first column of the first row, or None."""
    row = database.execute(query, arguments).fetchone()
    return row[0] if row else None
