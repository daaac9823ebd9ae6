"""infra/stages.toml: what it may say, and how it is told when it says something else."""

from pathlib import Path

import pytest

from lamppost.cloud import stages
from lamppost.declare import names
from lamppost.errors import OperatorError
from tests.running import ROOT

HEAD = 'system = "shop"\nprefix = "Shop"\n'
DEV = HEAD + '[stages.dev]\nregion = "eu-central-1"\n'


def read(folder: Path, text: str) -> stages.Stages:
    """The stages in this text."""
    path = folder / "stages.toml"
    path.write_text(text)
    return stages.read(path)


def test_a_region_is_all_that_a_stage_has_to_say(tmp_path: Path) -> None:
    found = stages.choose(read(tmp_path, DEV), "dev").settings
    assert found == stages.StageSettings(region="eu-central-1")
    assert not found.multi_az
    assert found.egress == "nat-instance"


@pytest.mark.parametrize(
    ("more", "what", "fix"),
    [
        ("multi-az = true", "unknown field `multi-az`", "did you mean multi_az?"),
        ("qqq = true", "unknown field `qqq`", "known are account, "),
        ('egress = "NAT"', "Invalid enum value 'NAT'", "mend the value named"),
        ('account = "12345"', "has account '12345'", "twelve digits"),
        ('zones = ["a"]', "has zones ['a']", "RDS asks for two"),
        ('postgres = "17"', "has postgres '17'", "major and minor"),
        ("storage_gb = 5", "storage of 5 to 100 GB", "begin at 20"),
        ("backup_days = 0", "backups of 0 days", "1 to 35"),
        ("log_days = 8", "logs of 8 days", "CloudWatch takes 1, 3, 5, 7"),
        ('alarms_to = ["ops"]', "has alarms_to ops", "name e-mail addresses"),
        ("budget_usd = 0", "has budget_usd 0", "1 or more"),
        ('budget_of = "tag"', "Invalid enum value 'tag'", "mend the value named"),
        ('egress = "none"\nshell = true', "a shell whose agent reaches nobody", "leave shell out"),
        ("throttle_burst = 0", "a throttle that lets nobody in", "at least 1"),
        ("protected = true\nephemeral = true", "protected and ephemeral", "leave one of them out"),
        ("region =", "is not TOML", "mend the line"),
    ],
)
def test_a_mistake_is_named_with_what_to_write_instead(
    tmp_path: Path, more: str, what: str, fix: str
) -> None:
    with pytest.raises(OperatorError) as told:
        read(tmp_path, f"{DEV}{more}\n")
    assert what in told.value.what
    assert fix in (told.value.fix or "")


def test_prod_is_protected(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="data that a mistake could delete"):
        read(tmp_path, DEV.replace("stages.dev", "stages.prod"))


def test_previews_end_with_their_data(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="nobody to clean up"):
        read(tmp_path, DEV.replace("stages.dev", "stages.pr"))


def test_every_pull_request_has_a_stage_of_its_own(tmp_path: Path) -> None:
    found = read(tmp_path, DEV + '[stages.pr]\nregion = "eu-central-1"\nephemeral = true\n')
    assert stages.choose(found, "pr-7").env == "pr-7"
    assert stages.choose(found, "pr-7").settings.ephemeral
    for unknown in ("pr", "pr-", "pr-x", "prod"):
        with pytest.raises(OperatorError, match="there is no stage") as told:
            stages.choose(found, unknown)
        assert told.value.fix == "choose one of dev and pr-1, pr-2, …"


def test_a_service_that_nobody_placed_has_a_stack_of_its_own(tmp_path: Path) -> None:
    stage = stages.choose(read(tmp_path, DEV), "dev")
    assert names.physical(stage.service_stack("parcels"), "dev") == "ParcelsStack-dev"
    assert stage.api_stack("parcels") == stage.service_stack("parcels")
    assert stage.api_name("parcels") == "parcels-dev"
    assert stage.platform("Network") == "Shop-NetworkStack-dev"


def test_this_repositorys_own_stages_are_fit() -> None:
    found = stages.read(ROOT / stages.FILE)
    assert set(found.stages) == {"dev", "staging", "prod", "pr"}
    assert stages.choose(found, "prod").settings.protected
