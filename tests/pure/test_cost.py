"""What a stage costs: the arithmetic, and the seeds' own tables beside it."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lamppost.derive.cost import kinds, prices
from lamppost.derive.cost.cron import runs_a_month
from lamppost.derive.cost.estimate import Estimate, estimate
from lamppost.derive.cost.traffic import Named, Traffic, read
from lamppost.errors import OperatorError
from tests.running import ROOT

COSTS = ROOT / "tests" / "data" / "costs"


def seed(number: str) -> Estimate:
    """The estimate of what a seed describes, under the traffic it names."""
    template = json.loads((COSTS / f"seed_{number}.template.json").read_text())
    return estimate({"Seed": template}, read(COSTS / f"seed_{number}.toml"))


def of(made: Estimate, *names: str) -> float:
    """What these prices come to, gross, in whole cents."""
    return round(sum(row.gross for row in made.rows if row.name in names), 2)


def template(**resources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"Resources": {id: {"Type": kind, "Properties": body} for id, (kind, body) in resources.items()}}


def function(**more: Any) -> tuple[str, dict[str, Any]]:
    return "AWS::Lambda::Function", {"MemorySize": 1024, "Architectures": ["arm64"], **more}


def test_the_tasks_backend_costs_43_dollars_where_its_seed_says_30() -> None:
    """The seed's line for compute, 0.20, is 8.33; its database is no MySQL, and in public."""
    made = seed("004")

    assert of(made, "lambda.x86.gb_second") == 8.33
    assert of(made, "lambda.requests") == 0.20
    assert of(made, "apigateway.http") == 1.00
    assert of(made, "rds.postgres.t3.small.single_az") == 26.28
    assert of(made, "rds.gp3.single_az") == 2.30
    assert of(made, "data.out") == 0.90
    assert of(made, "logs.ingest") == 0.50
    assert of(made, "vpc.public_ipv4") == 3.65
    assert (round(made.gross, 2), round(made.net, 2)) == (43.16, 34.90)


def test_the_birthday_seed_stands_for_52_dollars_before_anyone_is_greeted() -> None:
    """Its NAT gateway has an address, so that 33 is 36.50; its 40 cents for messages are 12."""
    made = seed("003")

    assert of(made, "nat.hours", "vpc.public_ipv4") == 36.50
    fixed = ("nat.hours", "vpc.public_ipv4", "rds.postgres.t3.micro.single_az", "rds.gp3.single_az")
    assert of(made, *fixed, "secrets.secret") == 52.34
    (queue,) = [row for row in made.rows if row.name == "sqs.standard"]
    assert [round(row.price.of(use.quantity), 2) for row in (queue,) for use in row.uses] == [0.12, 0.26]
    assert round(queue.net, 2) == 0
    assert sum(use.quantity for use in queue.uses) == 300_000 + 657_000
    ticks = next(use for row in made.rows for use in row.uses if row.name == "lambda.x86.gb_second")
    assert (ticks.of, ticks.quantity, ticks.stands) == ("bday-scheduler", 21_900, True)


def test_a_resource_that_nobody_priced_is_refused() -> None:
    """Two of them are named at once."""
    both = template(Kafka=("AWS::MSK::Cluster", {}), Cache=("AWS::ElastiCache::CacheCluster", {}))
    with pytest.raises(OperatorError, match="AWS::ElastiCache::CacheCluster, AWS::MSK::Cluster") as refused:
        estimate({"A": both})
    assert refused.value.code == "price_missing"


def test_a_size_without_a_price_is_refused() -> None:
    """And so is another engine: its hours cost something else."""
    big = {
        "Engine": "postgres",
        "DBInstanceClass": "db.x2g.large",
        "AllocatedStorage": "20",
        "StorageType": "gp3",
    }
    with pytest.raises(OperatorError, match=r"rds\.postgres\.x2g\.large\.single_az"):
        estimate({"A": template(Database=("AWS::RDS::DBInstance", big))})
    with pytest.raises(OperatorError, match="only PostgreSQL"):
        estimate({"A": template(Database=("AWS::RDS::DBInstance", {**big, "Engine": "mysql"}))})


def test_a_type_is_paid_or_free_and_never_both() -> None:
    assert set(kinds.BILLED) & set(kinds.FREE) == set()


def test_two_architectures_share_one_allowance() -> None:
    """600,000 GB-s of 1,000,000 remain, a part of each in proportion."""
    made = estimate(
        {"A": template(Arm=function(), Intel=function(Architectures=["x86_64"], FunctionName="intel"))},
        Traffic(other_runs=500_000, other_seconds=1, log_kb=0),
    )
    rows = {row.name: row for row in made.rows}

    assert rows["lambda.arm64.gb_second"].given == rows["lambda.x86.gb_second"].given == 200_000
    assert round(rows["lambda.arm64.gb_second"].net, 2) == round(300_000 * 1.33334e-05, 2)


def test_a_reference_into_another_stack_is_followed() -> None:
    """An API in one stack brings its requests to a function in another."""
    below = template(Api=function(FunctionName="orders")) | {
        "Outputs": {"ApiArn": {"Value": {"Fn::GetAtt": ["Api", "Arn"]}}}
    }
    elsewhere = {"Fn::GetStackOutput": {"StackName": "Below", "OutputName": "ApiArn"}}
    above = template(
        Door=("AWS::ApiGatewayV2::Api", {"Name": "door"}),
        In=("AWS::ApiGatewayV2::Integration", {"ApiId": {"Ref": "Door"}, "IntegrationUri": elsewhere}),
    )
    made = estimate({"Above": above, "Below": below}, Traffic(named={"door": Named(requests=7)}))

    (calls,) = [use for row in made.rows for use in row.uses if row.name == "lambda.requests"]
    assert (calls.of, calls.quantity) == ("orders", 7)


def test_an_alarm_is_paid_by_the_metrics_it_looks_at() -> None:
    """And a metric of our own once, however many alarms look at it."""
    own = {"Namespace": "lamppost", "MetricName": "Lateness"}
    share = {
        "Metrics": [
            {"Id": "a", "MetricStat": {"Metric": own}},
            {"Id": "b", "MetricStat": {"Metric": own | {"MetricName": "Due"}}},
            {"Expression": "a/b"},
        ]
    }
    made = estimate(
        {"A": template(One=("AWS::CloudWatch::Alarm", own), Two=("AWS::CloudWatch::Alarm", share))}
    )
    quantities = {row.name: row.quantity for row in made.rows}
    assert quantities == {"cloudwatch.alarm": 3, "cloudwatch.metric": 2}


@pytest.mark.parametrize(
    ("fields", "a_month"),
    [
        ("0 9 * * ? *", 730 / 24),
        ("*/5 * * * ? *", 730 * 12),
        ("0 9 ? * MON-FRI *", 730 / 24 * 5 / 7),
        ("0 9 ? * FRI-SUN *", 730 / 24 * 3 / 7),
        ("0 3 1 * ? *", 1),
        ("0,30 8-17 * * ? *", 730 / 24 * 20),
    ],
)
def test_a_cron_expression_is_counted(fields: str, a_month: float) -> None:
    assert runs_a_month(fields.split(), 730) == pytest.approx(a_month, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "wrong", "fix"),
    [
        ("request = 5", "unknown field `request`", "did you mean requests?"),
        ("[named.door]\nsecond = 1", "unknown field `second`", "did you mean seconds?"),
        ("users = -1", "users = -1", "0 or more"),
        ("[named.door]\nrequests = -5", "named.door: requests = -5", "0 or more"),
        ("traced = 5", "traced = 5", "between 0 and 1"),
        ("batch = 0", "a batch of no messages", "1 or more"),
        ("users =", "is not TOML", "line"),
    ],
)
def test_a_mistake_in_the_traffic_is_told(tmp_path: Path, text: str, wrong: str, fix: str) -> None:
    path = tmp_path / "traffic.toml"
    path.write_text(text)
    with pytest.raises(OperatorError, match=wrong.replace("[", r"\[")) as told:
        read(path)
    assert fix in told.value.fix


def test_every_price_says_where_it_was_read_and_when() -> None:
    """And draws from an allowance that there is."""
    found = prices.usual()
    for name, price in found.prices.items():
        assert price.source.startswith("https://"), name
        assert price.date[:2] == "20", name
        assert price.free is None or price.free in found.free, name
    assert set(found.free) == {price.free for price in found.prices.values()} - {None}


def test_nothing_is_lost_between_the_lines_and_the_sum() -> None:
    made = seed("003")
    assert made.gross == pytest.approx(
        sum(row.price.of(use.quantity) for row in made.rows for use in row.uses)
    )
    assert made.stands <= made.gross
    assert made.net <= made.gross
    assert msgspec.json.encode(made)


@pytest.mark.parametrize("number", ["003", "004"])
def test_the_page_has_the_sums_that_the_estimator_makes(number: str) -> None:
    """A price that changes is followed into docs/guides/costs.md."""
    made = seed(number)
    page = (ROOT / "docs" / "guides" / "costs.md").read_text()
    assert f"| **{made.gross:.2f}** | **{made.net:.2f}** |" in page
