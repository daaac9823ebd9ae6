"""What people have stays theirs: nothing of it is replaced without a person reading that it would be."""

import pytest

from tests.cloud.conftest import STAGES, Synthesised
from tests.cloud.gates import snapshot


@pytest.mark.parametrize("env", STAGES)
def test_nothing_that_holds_something_is_replaced(synthesised: Synthesised, env: str) -> None:
    """If it is meant, and what is in it is safe: python -m tests.cloud.gates --write"""
    assert not snapshot.replaced(synthesised.stacks[env], snapshot.read()[env])


@pytest.mark.parametrize("env", STAGES)
def test_nothing_that_holds_something_is_missing_from_the_snapshot(
    synthesised: Synthesised, env: str
) -> None:
    new = snapshot.stateful(synthesised.stacks[env]).keys() - snapshot.read()[env].keys()
    assert not new, f"{snapshot.AGAIN} adds them"


def test_a_replacement_is_told_in_a_sentence(synthesised: Synthesised) -> None:
    kept = {"Barkbase-DatabaseStack-prod/Old": {"Type": "AWS::RDS::DBInstance", "StorageEncrypted": True}}
    (told,) = snapshot.replaced(synthesised.stacks["prod"], kept)
    assert told.startswith(
        "Barkbase-DatabaseStack-prod/Old is gone: its AWS::RDS::DBInstance would be deleted"
    )
