"""Which stage, and whose names."""

import pytest

from lamppost.settings.stage import env, on_lambda, stage


@pytest.mark.parametrize(
    ("said", "named", "expected"),
    [
        (None, None, ("local", "dev")),
        ("local", None, ("local", "dev")),
        ("prod", None, ("prod", "prod")),
        ("pr-12", None, ("pr-12", "pr-12")),
        ("local", "prod", ("local", "prod")),
    ],
)
def test_a_stage_wears_its_own_names_and_the_local_one_wears_devs(monkeypatch, said, named, expected):
    for name, value in (("LAMPPOST_STAGE", said), ("LAMPPOST_ENV", named)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert (stage(), env()) == expected


def test_a_local_worker_is_not_lambda_though_it_has_a_functions_name(monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "bday-api")
    monkeypatch.setenv("LAMPPOST_STAGE", "local")
    assert not on_lambda()
    monkeypatch.setenv("LAMPPOST_STAGE", "prod")
    assert on_lambda()
