"""What follows from a declaration: the manifest, the environment, the permissions."""

import pytest

from lamppost import (
    AuthorError,
    Database,
    Function,
    Parameter,
    Queue,
    Route,
    Schedule,
    Secret,
    Service,
    System,
    minutes,
)
from lamppost.derive.describe import describe
from lamppost.derive.environment import environment
from lamppost.derive.grants import grants
from lamppost.derive.manifest import ServiceEntry, read, write
from lamppost.pack.discover import discover
from services.birthday import service as birthday
from tests.running import ROOT


def get_dog() -> None:
    """A route's handler."""


def tick() -> None:
    """A schedule's handler."""


def work() -> None:
    """A queue's handler."""


def shop() -> ServiceEntry:
    worker = Function(name="worker", handler=work, reads=("/shop/url", "shop/key"))
    ticker = Function(name="ticker", handler=tick, sends=("shop-jobs",), database=False)
    manifest = describe(
        System(
            (
                Service(
                    name="shop",
                    database=Database("shop", secret="shop/{env}/db"),
                    functions=(Function(name="api", routes=(Route("GET /dog", get_dog),)), ticker, worker),
                    schedules=(Schedule(every=minutes(5), runs=ticker),),
                    queues=(Queue(name="shop-jobs", runs=worker),),
                    parameters=(Parameter("/shop/url", "where"),),
                    secrets=(Secret("shop/key", "what signs"),),
                    environment=(("SHOP_ENV", "{env}"),),
                ),
            )
        ),
        {"shop": "services/shop"},
    )
    return manifest.services[0]


def test_a_manifest_survives_being_written_and_is_the_same_bytes_each_time():
    manifest = describe(System((birthday.service,)), {"birthday": "services/birthday"})
    assert read(write(manifest)) == manifest
    assert write(manifest) == write(manifest)


def test_what_runs_a_function_decides_its_kind():
    assert [function.kind for function in shop().functions] == ["http", "schedule", "queue"]


def test_a_function_finds_the_names_of_its_stage_in_its_environment():
    api = shop().function("api")
    assert environment(shop(), api, stage="local", env="dev") == {
        "LAMPPOST_STAGE": "local",
        "LAMPPOST_ENV": "dev",
        "LAMPPOST_FUNCTION": "shop.api",
        "DB_SECRET_NAME": "shop/dev/db",
        "DB_NAME": "shop",
        "SHOP_ENV": "dev",
        "AWS_NODEJS_CONNECTION_REUSE_ENABLED": "1",
    }


def test_a_function_without_a_database_is_not_told_of_one():
    assert "DB_NAME" not in environment(shop(), shop().function("ticker"), stage="dev", env="dev")


def allowed(function: str) -> set[tuple[str, str]]:
    found = grants(shop(), shop().function(function), env="dev")
    return {(action, grant.resource) for grant in found for action in grant.actions}


def test_a_sender_may_send_and_not_receive():
    queue = "arn:aws:sqs:us-east-2:000000000000:shop-dev-jobs"
    assert ("sqs:SendMessage", queue) in allowed("ticker")
    assert ("sqs:ReceiveMessage", queue) not in allowed("ticker")
    assert not any(action.startswith("secretsmanager:") for action, _ in allowed("ticker"))


def test_a_worker_may_consume_its_queue_and_read_what_it_reads():
    assert {
        ("sqs:ReceiveMessage", "arn:aws:sqs:us-east-2:000000000000:shop-dev-jobs"),
        ("sqs:DeleteMessage", "arn:aws:sqs:us-east-2:000000000000:shop-dev-jobs"),
        ("ssm:GetParameter", "arn:aws:ssm:us-east-2:000000000000:parameter/shop/dev/url"),
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:us-east-2:000000000000:secret:shop/dev/key",
        ),
        ("secretsmanager:DescribeSecret", "arn:aws:secretsmanager:us-east-2:000000000000:secret:shop/dev/db"),
    } <= allowed("worker")


def test_no_grant_is_a_wildcard_and_each_says_why():
    for name in ("api", "ticker", "worker"):
        for grant in grants(shop(), shop().function(name), env="dev"):
            assert grant.resource != "*"
            assert not any(action.endswith("*") for action in grant.actions)
            assert grant.because


def test_handlers_of_one_function_live_in_one_module():
    mixed = Function(name="api", routes=(Route("GET /a", get_dog), Route("GET /b", birthday.api.get_user)))
    with pytest.raises(AuthorError, match="has handlers in"):
        describe(System((Service(name="shop", functions=(mixed,)),)), {"shop": "x"})


def test_only_what_migrates_opens_the_databases_as_their_administrator() -> None:
    system = discover(ROOT)
    administrator = "arn:aws:secretsmanager:us-east-2:000000000000:secret:lamppost/dev/postgres/administrator"
    openers = {
        f"{service.name}.{function.name}"
        for service in system.services
        for function in service.functions
        for grant in grants(service, function, env="dev")
        if grant.allows("secretsmanager:GetSecretValue", administrator)
    }
    assert openers == {"migrator.migrator"}


def test_what_migrates_may_read_the_secret_of_every_database_and_nothing_else() -> None:
    system = discover(ROOT)
    [migrator] = [service for service in system.services if service.name == "migrator"]
    secrets = {
        grant.resource.partition(":secret:")[2]
        for grant in grants(migrator, migrator.functions[0], env="dev")
        if "secretsmanager:GetSecretValue" in grant.actions
    }
    databases = {entry.secret.replace("{env}", "dev") for entry, _ in system.databases().values()}
    assert len(secrets) == len(databases) + 1
    assert (
        environment(migrator, migrator.functions[0], stage="dev", env="dev")["DB_ADMIN_SECRET_NAME"]
        in secrets
    )


def test_two_functions_that_migrate_are_one_too_many() -> None:
    def twin(name: str) -> Service:
        return Service(name=name, functions=(Function(name=name, handler=tick, migrates=True),))

    with pytest.raises(AuthorError, match="two functions migrate"):
        System((twin("one"), twin("two")))


def test_what_migrates_answers_no_http() -> None:
    with pytest.raises(AuthorError, match="answers HTTP and migrates"):
        Function(name="migrator", routes=(Route("GET /", tick),), migrates=True)
