"""Mistakes that the seeds make, or nearly make, in our own templates: the gate named for each sees it."""

import pytest

from lamppost.cloud.rules.check import RULES, broken
from tests.cloud.conftest import Synthesised
from tests.cloud.gates import batch, snapshot
from tests.cloud.gates.editing import copied
from tests.cloud.gates.mutants.every import every
from tests.cloud.gates.mutants.table import Mutant

SEEDS = {"BarkBase backend", "BarkBase layer", "monorepo", "birthday", "Miyabi"}


def test_there_is_a_mistake_for_every_rule_and_of_every_seed() -> None:
    assert len(every()) >= 80
    assert {rule for mutant in every() for rule in mutant.of("rule")} == set(RULES)
    assert {mutant.seed for mutant in every()} >= SEEDS


@pytest.mark.parametrize(
    "mutant", [each for each in every() if each.of("rule") or "snapshot" in each.gates], ids=batch.label
)
def test_a_house_rule_sees(mutant: Mutant, synthesised: Synthesised) -> None:
    stacks = copied(synthesised.stacks[mutant.env])
    mutant.make(stacks)

    assert {each.rule for each in broken(stacks)} >= set(mutant.of("rule"))
    if "snapshot" in mutant.gates:
        assert snapshot.replaced(stacks, snapshot.read()[mutant.env])
