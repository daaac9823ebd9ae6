"""checkov, offline, over dev and prod: staging is a smaller prod, a preview a dev that may be deleted.

It takes two seconds to start, so it reads the mistakes that it has to see in the same run.
"""

import shutil
from pathlib import Path

import pytest

from tests.cloud.conftest import Synthesised
from tests.cloud.gates import batch
from tests.cloud.gates.acknowledged import idle, unacknowledged
from tests.cloud.gates.findings import Finding, checkov
from tests.cloud.gates.kept_checkov import CHECKOV

JUDGED = ("dev", "prod")


@pytest.fixture(scope="module")
def told(synthesised: Synthesised, tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """All that it says, of the stages and of the mistakes."""
    folder = tmp_path_factory.mktemp("checkov")
    for env in JUDGED:
        _copy(synthesised.folder / env, folder / env)
    batch.write(folder, synthesised.stacks["prod"], batch.shown("checkov"))
    return checkov(folder)


def _copy(stage: Path, to: Path) -> None:
    """The templates alone: checkov would look at everything else too."""
    to.mkdir()
    for template in stage.glob("*.template.json"):
        shutil.copy(template, to)


@pytest.fixture(scope="module")
def found(told: list[Finding]) -> list[Finding]:
    """What it says of the stages."""
    return [each for each in told if each.label in JUDGED]


def test_checkov_finds_nothing_that_nobody_has_answered_for(found: list[Finding]) -> None:
    assert len(found) > 50
    assert not [str(each) for each in unacknowledged(found, CHECKOV)]


def test_every_answer_to_checkov_is_still_needed(found: list[Finding]) -> None:
    assert not idle(found, CHECKOV)


def test_checkov_sees_the_mistakes_that_it_is_there_for(told: list[Finding]) -> None:
    assert not batch.missed(told, "checkov")
