"""cdk-nag, its packs AwsSolutions and Serverless, over all stages as they are made: ours and the shop's."""

from pathlib import Path

import pytest

from tests.cloud.conftest import SHOPS, STAGES, Stage, Synthesised
from tests.cloud.gates import batch
from tests.cloud.gates.acknowledged import idle, unacknowledged
from tests.cloud.gates.findings import Finding, nag, nag_again
from tests.cloud.gates.kept_nag import NAG


@pytest.fixture(scope="module")
def found(synthesised: Synthesised, shop: Stage) -> list[Finding]:
    """All findings of all stages."""
    folders = [synthesised.folder / env for env in STAGES]
    folders += [shop.folder.with_name(env) for env in SHOPS]
    return [each for folder in folders for each in nag(folder / "validation-report.json", folder.name)]


def test_cdk_nag_finds_nothing_that_nobody_has_answered_for(found: list[Finding]) -> None:
    assert len(found) > 100
    assert not [str(each) for each in unacknowledged(found, NAG)]


def test_every_answer_to_cdk_nag_is_still_needed(found: list[Finding]) -> None:
    assert not idle(found, NAG)


def test_cdk_nag_sees_the_mistakes_that_it_is_there_for(synthesised: Synthesised, tmp_path: Path) -> None:
    batch.write(tmp_path, synthesised.stacks["prod"], batch.shown("nag"))
    assert not batch.missed(nag_again(tmp_path), "nag")
