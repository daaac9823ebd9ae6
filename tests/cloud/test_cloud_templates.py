"""What holds for every template."""

import json
import shutil
from pathlib import Path

from tests.cloud.conftest import Stage, Synthesised, synthesise
from tests.running import ROOT

# AWS's own limit; a stack that comes near it is split in time.
RESOURCES = 500
HEADROOM = 0.7


def test_the_same_repository_gives_the_same_bytes(synthesised: Synthesised, tmp_path: Path) -> None:
    """Another folder, another order of hashing, younger files."""
    for part in ("services", "infra"):
        shutil.copytree(
            ROOT / part, tmp_path / "repo" / part, ignore=shutil.ignore_patterns("__pycache__", "cdk.out")
        )
    synthesise(tmp_path / "repo", tmp_path / "out", "dev", seed="7")

    written = sorted((tmp_path / "out" / "dev").glob("*.template.json"))
    assert written
    for again in written:
        assert again.read_bytes() == (synthesised.folder / "dev" / again.name).read_bytes(), again.name


def test_nothing_has_to_be_looked_up_in_the_account(stage: Stage) -> None:
    assert not stage.assembly.get("missing")


def test_every_stack_of_a_service_waits_for_the_migrations(stage: Stage) -> None:
    migrations = f"Barkbase-MigrationsStack-{stage.env}"
    services = [id for id in stage.stacks if "Lambda::Function" in json.dumps(stage[id].body)]
    services.remove(migrations)
    services.remove(f"Barkbase-NetworkStack-{stage.env}")  # CDK's own, which closes the default group

    assert len(services) == 3
    assert all(stage.waits_for(id, migrations) for id in services)


def test_no_stack_comes_near_the_limit_of_resources(stage: Stage) -> None:
    for id, template in stage.stacks.items():
        assert len(template.body["Resources"]) < RESOURCES * HEADROOM, id


def test_data_outlives_its_stack_unless_the_whole_stage_is_to_go(stage: Stage) -> None:
    kinds = {
        "AWS::RDS::DBInstance": "Snapshot",
        "AWS::SecretsManager::Secret": "Retain",
        "AWS::S3::Bucket": "Retain",
        "AWS::Cognito::UserPool": "Retain",
    }
    for kind, kept in kinds.items():
        found = stage.resources(kind)
        assert found, kind
        for each in found:
            wanted = "Delete" if stage.env == "pr-12" else kept
            assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == (wanted, wanted), each


def test_no_template_holds_a_secret(stage: Stage) -> None:
    """Functions get a secret's name; the value is made by AWS and read at run time."""
    for function in stage.resources("AWS::Lambda::Function"):
        for name, value in function["Properties"].get("Environment", {}).get("Variables", {}).items():
            assert not any(word in name for word in ("PASSWORD", "TOKEN", "KEY", "DATABASE_URL")), name
            assert "://" not in json.dumps(value), name
    for secret in stage.resources("AWS::SecretsManager::Secret"):
        assert "SecretString" not in secret["Properties"]


def test_nothing_lives_on_what_another_stack_may_not_change(stage: Stage) -> None:
    """A new version of a layer must not be refused because functions still use the old one."""
    for template in stage.stacks.values():
        assert "Fn::ImportValue" not in json.dumps(template.body)
