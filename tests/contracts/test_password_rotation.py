"""A new password in four steps, as Secrets Manager asks: over its wire, with a real role of a real server."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lamppost import Database, Function, Service, System
from lamppost.db.bounds import Bounds
from lamppost.db.pool import Pool
from lamppost.derive.describe import describe
from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate import rotation
from lamppost.migrate.provision import provision
from lamppost.migrate.stage import Stage
from lamppost.observe.log import Log
from lamppost.settings import source
from tests.conftest import Empty
from tests.contracts.aws_house import AwsHouse

SECRET = "shop/dev/credentials"
ADMINISTRATOR = "lamppost/dev/postgres/administrator"
FIRST = "pass/word @1"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


def nothing() -> None:
    """A function's handler."""


class Rotated:
    """A database whose app role's secret is about to be rotated."""

    def __init__(self, house: AwsHouse, empty: Empty, root: Path) -> None:
        self.store, self.empty = house.secrets, empty
        self.client = house.client("secretsmanager")
        service = Service(
            name="shop",
            database=Database(empty.name, secret="shop/{env}/credentials"),
            functions=(Function(name="api", handler=nothing),),
        )
        manifest = describe(System((service,)), {"shop": "shop"})
        self.stage = Stage(manifest=manifest, root=root, env="dev", administrator=ADMINISTRATOR)
        (root / "shop" / "migrations").mkdir(parents=True)

    def begin(self) -> str:
        """Reserve the next version, which is what Secrets Manager does before it asks for anything."""
        token = str(uuid.uuid4())
        self.store.put(SECRET, token=token, stages=("AWSPENDING",))
        return token

    def step(self, name: str, token: str) -> str:
        event = {"Step": name, "SecretId": SECRET, "ClientRequestToken": token, "RotationToken": "any"}
        return rotation.rotate(self.stage, event)

    def told(self, label: str = "AWSCURRENT") -> dict[str, Any]:
        """What the secret's version says."""
        return dict(
            json.loads(self.client.get_secret_value(SecretId=SECRET, VersionStage=label)["SecretString"])
        )

    def opens(self, password: str) -> bool:
        """Whether the role gets in with this password."""
        try:
            psycopg.connect(make_conninfo(self.empty.app, password=password)).close()
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture
def rotated(
    aws_house: AwsHouse, empty: Empty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rotated]:
    for name in (
        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
        "DATABASE_URL",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": aws_house.url,
        "AWS_REGION": "us-east-2",
        "AWS_DEFAULT_REGION": "us-east-2",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "DB_SECRET_NAME": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    admin, app = conninfo_to_dict(empty.admin), conninfo_to_dict(empty.app)
    where = {"host": app["host"], "port": app.get("port", 5432)}
    keeper = {"username": admin["user"], "password": admin.get("password") or "none", **where}
    aws_house.secrets.create(ADMINISTRATOR, json.dumps(keeper))
    told = {"username": empty.app_role, "password": FIRST, "dbname": empty.name, **where}
    aws_house.secrets.create(SECRET, json.dumps(told))
    source.forget()
    yield Rotated(aws_house, empty, tmp_path / "package")
    source.forget()


def test_four_steps_lead_from_one_password_to_the_next(rotated: Rotated) -> None:
    token = rotated.begin()
    for step in STEPS:
        assert rotated.step(step, token) == SECRET
    now = rotated.told()
    assert now["password"] != FIRST
    assert len(now["password"]) == rotation.LENGTH
    assert rotated.opens(now["password"])
    assert not rotated.opens(FIRST)
    # Who somebody is stays as it was.
    assert now | {"password": FIRST} == rotated.told("AWSPREVIOUS")


def test_every_step_may_come_twice_and_the_whole_again_when_it_is_over(rotated: Rotated) -> None:
    token = rotated.begin()
    for step in STEPS:
        rotated.step(step, token)
        between = rotated.told("AWSPENDING")
        rotated.step(step, token)
        assert rotated.told("AWSPENDING") == between
    after = rotated.told()
    for step in STEPS:
        rotated.step(step, token)
    assert rotated.told() == after
    assert rotated.opens(after["password"])


def test_functions_get_in_between_any_two_steps(rotated: Rotated) -> None:
    pool = Pool(Bounds(most=2, age=0.0), Log(write=lambda _: None))
    token = rotated.begin()
    for step in STEPS:
        rotated.step(step, token)
        # A function is another process: what this one remembers of the secret it does not know.
        source.forget()
        with pool.connection() as connection:
            (who,) = connection.execute("select current_user").fetchone() or ("nobody",)
        assert who == rotated.empty.app_role, step
    pool.close()


def test_a_deploy_in_mid_rotation_takes_no_password_back(rotated: Rotated) -> None:
    token = rotated.begin()
    rotated.step("createSecret", token)
    rotated.step("setSecret", token)
    place = rotated.stage.place_of(SECRET)
    assert place is not None
    provision(place.server, place.database, ["shop"], place.password, pending=place.pending)
    rotated.step("testSecret", token)
    rotated.step("finishSecret", token)
    assert rotated.opens(rotated.told()["password"])


def test_a_migrator_that_stayed_warm_over_a_rotation_gives_the_new_password(rotated: Rotated) -> None:
    before = rotated.stage.place_of(SECRET)
    token = rotated.begin()
    for step in STEPS:
        rotated.step(step, token)
    after = rotated.stage.place_of(SECRET)
    assert before is not None
    assert after is not None
    assert (before.password, after.password) == (FIRST, rotated.told()["password"])


def test_a_rotation_that_was_given_up_does_not_hinder_the_next(rotated: Rotated) -> None:
    lost = rotated.begin()
    rotated.step("createSecret", lost)
    rotated.step("setSecret", lost)
    token = rotated.begin()
    for step in STEPS:
        rotated.step(step, token)
    assert rotated.opens(rotated.told()["password"])


def test_a_password_that_somebody_changed_by_hand_is_mended(rotated: Rotated) -> None:
    rotated.store.put(SECRET, json.dumps(rotated.told() | {"password": "never-given"}))
    token = rotated.begin()
    for step in STEPS:
        rotated.step(step, token)
    assert rotated.opens(rotated.told()["password"])


def test_nothing_becomes_current_that_does_not_open(rotated: Rotated) -> None:
    token = rotated.begin()
    rotated.step("createSecret", token)
    for step in ("testSecret", "finishSecret"):
        with pytest.raises(OperatorError) as refused:
            rotated.step(step, token)
        assert rotated.told("AWSPENDING")["password"] not in str(refused.value)
    assert rotated.told()["password"] == FIRST
    assert rotated.opens(FIRST)


def test_a_version_that_nobody_prepared_is_refused(rotated: Rotated) -> None:
    with pytest.raises(OperatorError, match="is not about to be its next"):
        rotated.step("createSecret", str(uuid.uuid4()))


def test_a_secret_that_opens_no_database_is_refused(rotated: Rotated) -> None:
    token = str(uuid.uuid4())
    rotated.store.put(ADMINISTRATOR, token=token, stages=("AWSPENDING",))
    event = {"Step": "createSecret", "SecretId": ADMINISTRATOR, "ClientRequestToken": token}
    with pytest.raises(OperatorError, match="opens no database of this system"):
        rotation.rotate(rotated.stage, event)


def test_an_event_that_is_no_step_is_refused(rotated: Rotated) -> None:
    assert not rotation.asked({"RequestType": "Create"})
    with pytest.raises(AuthorError, match="no step of a rotation"):
        rotation.rotate(rotated.stage, {"Step": "eraseSecret", "SecretId": SECRET, "ClientRequestToken": "x"})


def test_a_label_is_on_one_version_and_whoever_moves_it_says_from_where(rotated: Rotated) -> None:
    token = rotated.begin()
    rotated.step("createSecret", token)
    with pytest.raises(ClientError) as refused:
        rotated.client.update_secret_version_stage(
            SecretId=SECRET, VersionStage="AWSCURRENT", MoveToVersionId=token
        )
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
    labels = rotated.client.describe_secret(SecretId=SECRET)["VersionIdsToStages"]
    assert labels[token] == ["AWSPENDING"]


def test_a_reserved_version_has_no_value_yet(rotated: Rotated) -> None:
    rotated.begin()
    with pytest.raises(ClientError) as refused:
        rotated.client.get_secret_value(SecretId=SECRET, VersionStage="AWSPENDING")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
