"""Physical names: the seed's on prod, room for other stages elsewhere, both on one machine."""

import pytest

from lamppost.declare import names


@pytest.mark.parametrize(
    ("name", "env", "physical"),
    [
        ("bday-scheduler", "prod", "bday-scheduler"),
        ("bday-scheduler", "dev", "bday-dev-scheduler"),
        ("bday-messages", "pr-12", "bday-pr-12-messages"),
        ("bday-messages-dlq", "dev", "bday-dev-messages-dlq"),
        ("/bday/webhook-url", "prod", "/bday/webhook-url"),
        ("/bday/webhook-url", "dev", "/bday/dev/webhook-url"),
        ("bday/db-credentials", "dev", "bday/dev/db-credentials"),
        ("barkbase-{env}-backend", "dev", "barkbase-dev-backend"),
        ("barkbase-{env}-backend", "prod", "barkbase-prod-backend"),
        ("barkbase/{env}/postgres/credentials", "dev", "barkbase/dev/postgres/credentials"),
        ("jobs", "dev", "jobs-dev"),
    ],
)
def test_a_stage_has_its_place_in_the_name(name, env, physical):
    assert names.physical(name, env) == physical


def test_on_one_machine_everything_answers_to_its_dev_name_and_its_prod_name():
    assert names.local_names("bday-scheduler") == ("bday-dev-scheduler", "bday-scheduler")
    assert names.local_names("/bday/webhook-url") == ("/bday/dev/webhook-url", "/bday/webhook-url")


def test_a_queues_dead_letters_are_found_from_its_physical_name_too():
    physical = names.physical("bday-messages", "dev")
    assert names.dead_letters(physical) == names.physical(names.dead_letters("bday-messages"), "dev")
