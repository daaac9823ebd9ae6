"""Functions that are kept ready or copied, and who is led to them then."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lamppost.cloud import connections, node, stages, tuning
from lamppost.cloud.site import Site
from lamppost.cloud.tuned import Tuned
from lamppost.errors import OperatorError
from tests.cloud.conftest import Stage, Synthesised

STACK = "ShopStack-full"


def aliases(stage: Stage) -> dict[str, dict[str, Any]]:
    """The beginning of each alias's id (its function's) to its properties."""
    return {
        id.partition("Function")[0]: e["Properties"]
        for id, e in stage[STACK].of("AWS::Lambda::Alias").items()
    }


def test_only_functions_that_ask_are_served_by_a_version(full: Stage) -> None:
    found = aliases(full)
    assert set(found) == {"Front", "Judge", "Pack", "Sweep"}
    assert {alias["Name"] for alias in found.values()} == {"live"}
    assert found["Front"]["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}
    assert "ProvisionedConcurrencyConfig" not in found["Judge"]
    copied = {
        name: full[STACK].named("AWS::Lambda::Function", FunctionName=f"shop-full-{name}").get("SnapStart")
        for name in ("front", "judge", "pack", "sweep")
    }
    on = {"ApplyOn": "PublishedVersions"}
    assert copied == {"front": None, "judge": on, "pack": on, "sweep": on}


def test_callers_of_every_kind_are_led_to_the_alias(full: Stage) -> None:
    api, stack = full["Shop-ApiStack-full"], full[STACK]
    (integration,) = api.of("AWS::ApiGatewayV2::Integration").values()
    assert "FrontFunctionLive" in json.dumps(integration["Properties"]["IntegrationUri"])
    (authorizer,) = api.of("AWS::ApiGatewayV2::Authorizer").values()
    assert "JudgeFunctionLive" in json.dumps(authorizer["Properties"]["AuthorizerUri"])
    (source,) = stack.of("AWS::Lambda::EventSourceMapping").values()
    assert json.dumps(source["Properties"]["FunctionName"]).endswith('":live"]]}')
    (schedule,) = stack.of("AWS::Scheduler::Schedule").values()
    assert "SweepFunctionLive" in json.dumps(schedule["Properties"]["Target"]["Arn"])


def test_api_gateway_may_call_exactly_what_it_is_led_to(full: Stage, dev: Stage) -> None:
    for template in (full["Shop-ApiStack-full"], dev["ApiStack-dev"]):
        allowed = [
            json.dumps(each["Properties"]["FunctionName"])
            for each in template.of("AWS::Lambda::Permission").values()
        ]
        led = [
            json.dumps(each["Properties"]["IntegrationUri"])
            for each in template.of("AWS::ApiGatewayV2::Integration").values()
        ]
        assert allowed
        assert set(led) <= set(allowed)
        # CloudFormation cannot take apart what another stack tells it.
        assert not [each for each in allowed if "Fn::Split" in each]


def test_events_that_fail_are_kept_whichever_way_the_function_was_called(full: Stage, stage: Stage) -> None:
    kept = [
        each["Properties"]["Qualifier"]
        for id, each in full[STACK].of("AWS::Lambda::EventInvokeConfig").items()
        if id.startswith("Sweep")
    ]
    assert sorted(kept) == ["$LATEST", "live"]
    for each in stage.resources("AWS::Lambda::EventInvokeConfig"):
        assert "Failures" in json.dumps(each["Properties"]["DestinationConfig"]["OnFailure"])


def test_every_schedule_and_every_function_nobody_waits_for_keeps_its_failures(
    synthesised: Synthesised, stage: Stage
) -> None:
    wanted = [
        entry
        for service in synthesised.manifest.services
        for entry in service.functions
        if entry.kind in ("schedule", "invoke")
    ]
    assert len(stage.resources("AWS::Lambda::EventInvokeConfig")) == len(wanted)
    for schedule in stage.resources("AWS::Scheduler::Schedule"):
        assert "Failures" in json.dumps(schedule["Properties"]["Target"]["DeadLetterConfig"])


def test_a_new_layer_publishes_a_new_version() -> None:
    """The template names layers by reference: what callers get would stay as it was."""
    node.choose()
    import aws_cdk as cdk
    from aws_cdk import aws_lambda as lambdas

    from lamppost.cloud.serving import serving

    def version(*layers: str) -> str:
        app = cdk.App(analytics_reporting=False, builtin_cloud_formation_validation=False)
        stack = cdk.Stack(app, "Stack")
        function = lambdas.Function(
            stack,
            "Function",
            runtime=lambdas.Runtime.PYTHON_3_13,
            handler="index.handle",
            code=lambdas.Code.from_inline("def handle(event, context): ..."),
        )
        serving(function, Tuned(snapstart=True), layers=layers)
        made = app.synth().get_stack_by_name("Stack").template["Resources"]
        (id,) = (id for id, each in made.items() if each["Type"] == "AWS::Lambda::Version")
        return str(id)

    assert version("one", "two") == version("one", "two") != version("one", "three")


def test_a_reservation_is_one_functions_own(full: Stage) -> None:
    reserved = {
        each["Properties"]["FunctionName"]: each["Properties"].get("ReservedConcurrentExecutions")
        for each in full.resources("AWS::Lambda::Function")
        if each["Properties"].get("Runtime") == "python3.13"
    }
    assert reserved.pop("shop-full-front") == 10
    # Declared, but this stage reserves nothing by itself.
    assert set(reserved.values()) == {None}


@pytest.mark.parametrize(
    ("written", "what", "fix"),
    [
        ("snapstart = true, provisioned = 1", "a.b with snapstart and provisioned", "choose one"),
        ("provisioned = -1", "a.b with fewer than none", "0 or more"),
        ("reserved = 0", "a.b with fewer than none", "1 or more"),
        ("provisioned = 5, reserved = 2", "a.b with 5 kept ready of which 2 may run", "raise reserved"),
        ("snapstrt = true", "unknown field `snapstrt`", "did you mean snapstart?"),
    ],
)
def test_settings_that_lambda_would_refuse_are_refused_before(
    tmp_path: Path, written: str, what: str, fix: str
) -> None:
    path = tmp_path / "stages.toml"
    body = f'[stages.dev]\nregion = "us-east-2"\n[stages.dev.functions]\n"a.b" = {{ {written} }}\n'
    path.write_text(f'system = "a"\nprefix = "A"\n{body}')
    with pytest.raises(OperatorError) as refused:
        stages.read(path)
    assert what in refused.value.what
    assert fix in refused.value.fix


@pytest.mark.parametrize(
    ("name", "found", "what"),
    [
        ("birthday.wroker", Tuned(reserved=1), "'birthday.wroker', which is no function"),
        (
            "birthday.worker",
            Tuned(reserved=4),
            "birthday.worker, of which 4 may run and its queues start 10",
        ),
        ("migrator.migrator", Tuned(snapstart=True), "migrator.migrator, which runs once a deploy"),
    ],
)
def test_settings_of_functions_that_gain_nothing_are_refused(
    synthesised: Synthesised, name: str, found: Tuned, what: str
) -> None:
    with pytest.raises(OperatorError) as refused:
        tuning.check(site(synthesised, functions={name: found}))
    assert what in refused.value.what


def site(synthesised: Synthesised, **settings: Any) -> Site:
    """As much of a site as the checks before the stacks read."""
    found = SimpleNamespace(
        env="dev",
        stage=SimpleNamespace(settings=stages.StageSettings(region="us-east-2", **settings)),
        functions=lambda: [(s, f) for s in synthesised.manifest.services for f in s.functions],
    )
    return cast("Site", found)


def test_more_connections_than_the_server_takes_are_refused_with_those_who_want_them(
    synthesised: Synthesised,
) -> None:
    many = {"birthday.api": Tuned(reserved=40)}
    with pytest.raises(OperatorError) as refused:
        connections.check(site(synthesised, functions=many))
    assert "birthday.api 40 × 3, birthday.worker 10 × 3" in refused.value.what
    assert "db.t4g.micro has 74" in refused.value.what
    assert "proxy = true" in refused.value.fix


@pytest.mark.parametrize("settings", [{"proxy": True}, {"instance": "t4g.medium"}, {"functions": {}}])
def test_a_proxy_a_larger_server_or_fewer_functions_are_enough(
    synthesised: Synthesised, settings: dict[str, Any]
) -> None:
    many = {"birthday.api": Tuned(reserved=40)}
    connections.check(site(synthesised, **{"functions": many, **settings}))
