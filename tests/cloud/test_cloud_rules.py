"""The house rules over every stage's templates: what AWS's own tools do not look for."""

import msgspec
import pytest

from lamppost.cloud import stages
from lamppost.cloud.rules.check import RULES, broken, check
from lamppost.cloud.rules.permissions import ENDINGS, EVERYWHERE, statements
from lamppost.cloud.rules.stacks import flat, listed, read
from lamppost.derive.manifest import Manifest
from lamppost.errors import AuthorError
from tests.cloud.conftest import SHOPS, STAGES, Stage, Synthesised
from tests.cloud.gates.editing import copied
from tests.cloud.gates.mutants.every import every
from tests.running import ROOT


@pytest.mark.parametrize("env", STAGES)
def test_every_rule_holds_in_every_stage(synthesised: Synthesised, env: str) -> None:
    assert not [str(each) for each in broken(synthesised.stacks[env])]


def test_they_hold_for_a_system_of_other_people_too(shop: Stage) -> None:
    """Whose stages have everything that one can pay for, or no way out, or one by IPv6."""
    root = ROOT / "tests" / "data" / "stacks"
    known = stages.read(root / stages.FILE)
    manifest = msgspec.json.decode((shop.folder.parent / "manifest.json").read_bytes(), type=Manifest)
    for env in SHOPS:
        stacks = read(shop.folder.with_name(env), env, stages.choose(known, env).settings, manifest)
        assert not [str(each) for each in broken(stacks)], env


def test_a_rule_says_where_it_is_broken_and_what_to_do(synthesised: Synthesised) -> None:
    (mutant,) = [each for each in every() if each.name == "visibility of one run"]
    stacks = copied(synthesised.stacks["prod"])
    mutant.make(stacks)
    with pytest.raises(AuthorError) as refused:
        check(stacks)
    assert refused.value.code == "rule_broken"
    assert "visible-after-six-runs: BdayInfraStack/BdayMessagesQueue" in str(refused.value)
    assert "make its visibility 180 s or more" in str(refused.value)


def test_each_rule_is_one_sentence_at_least() -> None:
    for name, rule in RULES.items():
        assert (rule.__doc__ or "").strip().splitlines()[0].endswith("."), name


def test_no_permission_is_excused_that_nobody_has(synthesised: Synthesised, full: Stage) -> None:
    known = stages.choose(stages.read(ROOT / "tests" / "data" / "stacks" / stages.FILE), "full")
    had = {
        action
        for stacks in (*synthesised.stacks.values(), read(full.folder, "full", known.settings, Manifest(())))
        for _, statement in statements(stacks)
        if "*" in listed(statement.get("Resource"))
        for action in listed(statement["Action"])
    }
    assert not set(EVERYWHERE) - had


def test_no_ending_is_excused_that_nobody_needs(synthesised: Synthesised) -> None:
    """What may stand behind a name: `:*` of logs, `/*` of objects."""
    had = {
        (action.partition(":")[0], ending)
        for stacks in synthesised.stacks.values()
        for _, statement in statements(stacks)
        for action in listed(statement["Action"])
        for ending in ENDINGS.get(action.partition(":")[0], ())
        for resource in map(flat, listed(statement.get("Resource")))
        if resource.endswith(ending)
    }
    assert had == {(service, ending) for service, endings in ENDINGS.items() for ending in endings}
