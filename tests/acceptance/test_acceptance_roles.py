"""Each function with the credentials its process has: it may what is declared, the rest is refused.

All of them have to be started for that, so `make test` leaves it to `make accept`, and has
tests/cloud/test_cloud_permissions.py.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from lamppost.declare import names
from lamppost.derive import grants
from lamppost.derive.manifest import FunctionEntry, ServiceEntry
from tests.acceptance.account import Account
from tests.acceptance.releases import STAGE
from tests.ministack import ACCOUNT, REGION
from tests.packing import repository_manifest

PARAMETERS = ("/bday/dev/webhook-url", "/bday/dev/leap-day", "/bday/dev/nobodys")


class Actor(msgspec.Struct, frozen=True):
    """A function that has run, and clients that are it."""

    service: ServiceEntry
    function: FunctionEntry
    client: Callable[[str], Any]

    @property
    def name(self) -> str:
        """Its physical name."""
        return names.physical(self.function.named, STAGE)

    def may(self, action: str, resource: str) -> bool:
        """What its declaration says. `resource` is an ARN from behind the account on, by its service."""
        service, _, rest = resource.partition(":")
        arn = f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"
        place = {"region": REGION, "account": ACCOUNT}
        own = grants.grants(self.service, self.function, env=STAGE, **place)
        return any(grant.allows(f"{service}:{action}", arn) for grant in own)


@pytest.fixture(scope="module")
def actors(account: Account) -> list[Actor]:
    """Every function of the system, with the parameters set as the operator sets them."""
    for name in PARAMETERS:
        account.client("ssm").put_parameter(
            Name=name, Value="https://example.com", Type="String", Overwrite=True
        )
    return [
        _actor(account, service, function)
        for service in repository_manifest().services
        for function in service.functions
    ]


def _actor(account: Account, service: ServiceEntry, function: FunctionEntry) -> Actor:
    name = names.physical(function.named, STAGE)
    answer = account.invoke(name, {"Records": []} if function.kind == "queue" else {})
    assert not answer.error, answer.payload
    credentials = account.credentials(name)
    return Actor(service, function, lambda of: account.emulator.client(of, **credentials))


def allowed(call: Callable[..., object], **given: object) -> bool:
    """Whether the call is let through; that something is lacking there is no refusal."""
    try:
        call(**given)
    except ClientError as refused:
        code = refused.response["Error"]["Code"]
        return "AccessDenied" not in code and code != "UnauthorizedOperation"
    return True


def test_a_function_reads_and_writes_the_secrets_that_are_its_own_and_no_others(
    account: Account, actors: list[Actor]
) -> None:
    found = [each["Name"] for each in account.client("secretsmanager").list_secrets()["SecretList"]]
    assert len(found) > len(actors[0].function.reads_secrets) + 1
    for actor in actors:
        mine = actor.client("secretsmanager")
        for name in found:
            # RDS names the administrator's: no declaration can.
            wanted = actor.may("GetSecretValue", f"secretsmanager:secret:{name}") or (
                name.startswith("rds!") and bool(actor.function.migrates)
            )
            assert allowed(mine.get_secret_value, SecretId=name) == wanted, (actor.name, name)
            if not actor.may("PutSecretValue", f"secretsmanager:secret:{name}"):
                changed = allowed(mine.put_secret_value, SecretId=name, SecretString="mine")
                assert not changed, (actor.name, name)


def test_a_function_reads_the_parameters_it_declares_and_writes_none(actors: list[Actor]) -> None:
    for actor in actors:
        mine = actor.client("ssm")
        for name in PARAMETERS:
            wanted = actor.may("GetParameter", f"ssm:parameter{name}")
            assert allowed(mine.get_parameter, Name=name) == wanted, (actor.name, name)
            assert not allowed(mine.put_parameter, Name=name, Value="mine", Overwrite=True), actor.name


def test_a_function_sends_to_no_queue_but_those_it_declares(account: Account, actors: list[Actor]) -> None:
    urls = account.client("sqs").list_queues()["QueueUrls"]
    for actor in actors:
        mine = actor.client("sqs")
        for url in urls:
            queue = url.rpartition("/")[2]
            if actor.may("GetQueueAttributes", f"sqs:{queue}"):
                # Asked, not sent to: somebody would receive it.
                assert allowed(mine.get_queue_attributes, QueueUrl=url), (actor.name, queue)
            elif queue != f"{actor.name}-failures":
                # Its own failures Lambda puts there, with this very role.
                assert not allowed(mine.send_message, QueueUrl=url, MessageBody="x"), (actor.name, queue)


def test_a_function_touches_nothing_of_the_account_itself(account: Account, actors: list[Actor]) -> None:
    migrator = account.client("lambda").get_function_configuration(FunctionName="migrator-dev")["Role"]
    attempts = (
        ("iam", "list_roles", {}),
        ("sts", "assume_role", {"RoleArn": migrator, "RoleSessionName": "me"}),
        ("lambda", "update_function_configuration", {"FunctionName": "users-dev", "Timeout": 3}),
        ("lambda", "invoke", {"FunctionName": "users-dev", "Payload": b"{}"}),
        ("cloudformation", "delete_stack", {"StackName": "ApiStack-dev"}),
        ("rds", "describe_db_instances", {}),
        ("s3", "list_buckets", {}),
        ("cognito-idp", "list_user_pools", {"MaxResults": 1}),
        ("ec2", "describe_instances", {}),
    )
    for actor in actors:
        for service, operation, given in attempts:
            assert not allowed(getattr(actor.client(service), operation), **given), (actor.name, operation)
