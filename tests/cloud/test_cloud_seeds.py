"""docs/reference/seeds.md is true: what it says of the templates is in the templates."""

from collections import Counter

import pytest

from tests.cloud import seed_facts, seed_table
from tests.cloud.conftest import SHOPS, STAGES, Stage, Synthesised, Template
from tests.cloud.seed_table import BETTER, KEPT, LATER, Place
from tests.running import ROOT

ROWS = seed_table.rows()
SEEDS = (
    "BarkBase, phase 2: DB layer",
    "BarkBase, phase 3: backend",
    "Monorepo with central migrations",
    "Birthday messages",
    "Miyabi backend",
)
EVERYWHERE = "every stack"


class Stacks:
    """Every stack of every stage, by the name it has on AWS."""

    def __init__(self, stages: dict[str, Stage]) -> None:
        self.stages = stages
        self.named = {stage.names[id]: (stage, id) for stage in stages.values() for id in stage.stacks}

    def wrong(self, place: Place) -> list[str]:
        """What of this place is not as the page says, one line each."""
        return [line for where, facts in self.read(place) for line in self.lacks(where, facts)]

    def held(self, place: Place) -> list[str]:
        """What of this place is there already, though the page says that it is not yet."""
        return [
            f"{where}: {fact}"
            for where, facts in self.read(place)
            for fact in facts or (where,)
            if not self.lacks(where, (fact,) if facts else ())
        ]

    def read(self, place: Place) -> list[tuple[str, tuple[str, ...]]]:
        """The place in each stage that it speaks of."""
        if not any("{env}" in each for each in (place.where, *place.facts)):
            return [(place.where, place.facts)]
        return [
            (place.where.replace("{env}", env), tuple(fact.replace("{env}", env) for fact in place.facts))
            for env in STAGES
        ]

    def lacks(self, where: str, facts: tuple[str, ...]) -> list[str]:
        """What is not there of one stage's place, one line each."""
        if where.startswith("cdk deploy "):
            id = where.removeprefix("cdk deploy ")
            return [] if id in self.stages["dev"].stacks else [f"dev has no stack {id}"]
        if "/" in where or "." in where:
            return _unread(where, facts)
        if where == EVERYWHERE:
            stacks = [stage.stacks[id] for stage, id in self.named.values()]
            return [each for fact in facts for stack in stacks if (each := seed_facts.wrong(stack, fact))]
        if where not in self.named:
            return [f"there is no stack {where}"]
        stage, id = self.named[where]
        return [f"{where}: {each}" for fact in facts if (each := self._misses(stage, id, fact))]

    def _misses(self, stage: Stage, id: str, fact: str) -> str:
        if not fact.startswith("waits for "):
            return seed_facts.wrong(stage[id], fact)
        other = fact.removeprefix("waits for ")
        return "" if other in self.named and stage.waits_for(id, self.named[other][1]) else f"no: {fact}"


def _unread(path: str, texts: tuple[str, ...]) -> list[str]:
    file = ROOT / path
    if not file.is_file():
        return [f"there is no file {path}"]
    held = file.read_text()
    return [f"{path} does not say {each}" for each in texts if each not in held]


@pytest.fixture(scope="session")
def stacks(synthesised: Synthesised, shop: Stage, full: Stage, six: Stage) -> Stacks:
    """The stages of this repository, and those of tests/data/stacks, which pay for what these do not."""
    return Stacks(synthesised.stages | dict(zip(SHOPS, (shop, full, six), strict=True)))


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_that_a_seed_asks_for_is_where_the_page_says(stacks: Stacks, seed: str) -> None:
    """Kept to the letter, or something better that is there as well."""
    lost = [
        f"{row.part}: {row.says}: {line}"
        for row in ROWS
        if row.seed == seed and row.fate != LATER
        for place in row.places
        for line in stacks.wrong(place)
    ]
    assert lost == []


def test_what_is_said_to_come_later_has_not_come_yet(stacks: Stacks) -> None:
    """Whoever builds it says in the page where it is now."""
    come = [
        f"{row.part}: {row.says}: {line}"
        for row in ROWS
        if row.fate == LATER
        for place in row.places
        for line in stacks.held(place)
    ]
    assert come == []


def test_every_seed_has_its_table() -> None:
    assert tuple(dict.fromkeys(row.seed for row in ROWS)) == SEEDS


def test_no_two_rows_quote_the_same_words() -> None:
    """The part of the seed and its words name a row."""
    quoted = Counter((row.seed, row.part, row.says) for row in ROWS)
    assert [row for row, times in quoted.items() if times > 1] == []
    assert all(row.part and row.says for row in ROWS)


def test_every_row_names_a_place_and_every_better_thing_its_decision() -> None:
    links = seed_table.links()
    for row in ROWS:
        assert row.places, row.title
        assert row.decisions or row.fate != BETTER, row.title
        assert set(row.decisions) <= links.keys(), row.title
    assert all(path.name.startswith(number) and path.is_file() for number, path in links.items())


def test_a_stack_alone_is_a_place_only_of_a_row_about_that_stack() -> None:
    """That a stack is there says nothing about what is in it."""
    for row in ROWS:
        for place in row.places:
            if place.where.endswith("Stack-{env}") and not place.facts and row.fate == KEPT:
                assert place.where.partition("-{")[0] in row.says, row.title


HELD = Template(
    {
        "Resources": {
            "Queue0A1B2C3D": {
                "Type": "AWS::SQS::Queue",
                "DeletionPolicy": "Retain",
                "Properties": {"Hidden": 180, "a.b": "1", "Rules": [{"Port": 1}, {"Port": 2}]},
            },
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "Policies": [
                        {
                            "PolicyDocument": {
                                "Statement": [
                                    {
                                        "Effect": "Allow",
                                        "Action": "sqs:SendMessage",
                                        "Resource": {"Fn::Join": ["", ["arn:", {"Ref": "X"}, ":letters"]]},
                                    },
                                    {"Effect": "Deny", "Action": ["s3:GetObject"], "Resource": "*"},
                                ]
                            }
                        }
                    ]
                },
            },
        },
        "Outputs": {"Url": {"Value": "u", "Export": {"Name": "S-Url"}}},
    }
)


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("Queue", "Queu"),
        ("AWS::SQS::Queue Queue", "AWS::SNS::Topic Queue"),
        ("no AWS::SNS::Topic", "no AWS::SQS::Queue"),
        ("Queue.Hidden = 180", "Queue.Hidden = 30"),
        ("Queue.a.b = 1", "Queue.a = 1"),
        ("Queue.DeletionPolicy = Retain", "Queue.DeletionPolicy = Delete"),
        ("Queue.Rules.Port has 2", "Queue.Rules.Port = 2"),
        ("Outputs.Url.Export.Name = S-Url", "Outputs.Url.Export.Name = Url"),
        ("Role allows sqs:SendMessage on :letters", "Role allows sqs:SendMessage on :parcels"),
        ("Role.Policies.PolicyDocument.Statement.Effect has Deny", "Role allows s3:GetObject on *"),
    ],
)
def test_a_place_is_told_from_one_that_is_only_like_it(true: str, false: str) -> None:
    assert seed_facts.wrong(HELD, true) == ""
    assert seed_facts.wrong(HELD, false) != ""


def test_a_place_that_said_a_little_else_would_not_be_found(stacks: Stacks) -> None:
    """So no row is true of whatever a stack holds."""
    found = [
        f"{row.title}: {where}: {fact}"
        for row in ROWS
        if row.fate != LATER
        for place in row.places
        for where, facts in stacks.read(place)
        for fact in facts
        if not fact.startswith("no ") and not stacks.lacks(where, (f"{fact}~",))
    ]
    assert found == []
