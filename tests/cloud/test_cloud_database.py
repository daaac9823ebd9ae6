"""What a stage may pay for before and beside its database: a proxy, a replica, new passwords."""

import json
from pathlib import Path
from typing import Any

import pytest

from lamppost.cloud import stages, windows
from lamppost.derive.environment import build_db_environment
from lamppost.errors import OperatorError
from tests.cloud.conftest import Stage, Template

GROUP = "AWS::EC2::SecurityGroup"
FUNCTION = "AWS::Lambda::Function"


def the(stage: Stage, kind: str) -> dict[str, Any]:
    """The properties of the one resource of this type in the stage."""
    (found,) = stage.resources(kind)
    return dict(found["Properties"])


def variables(template: Template, function: str) -> dict[str, Any]:
    """The environment of the function with this physical name."""
    return dict(template.named(FUNCTION, FunctionName=function)["Environment"]["Variables"])


def test_the_helper_of_the_documents_has_the_results_of_the_documents() -> None:
    assert build_db_environment("dev", "barkbase") == {
        "DB_SECRET_NAME": "barkbase/dev/postgres/credentials",
        "DB_NAME": "barkbase",
        "BARKBASE_ENV": "dev",
        "AWS_NODEJS_CONNECTION_REUSE_ENABLED": "1",
    }


def test_every_function_with_a_database_has_what_the_helper_returns(stage: Stage) -> None:
    health = variables(
        stage[f"Barkbase-BackendServicesStack-{stage.env}"], f"barkbase-{stage.env}-db-healthcheck"
    )
    assert build_db_environment(stage.env, "barkbase").items() <= health.items()
    bday = stage.env if stage.env != "prod" else None
    worker = variables(stage["BdayInfraStack"], "-".join(filter(None, ("bday", bday, "worker"))))
    wanted = build_db_environment(stage.env, "bday", secret="bday/db-credentials")
    assert wanted.items() <= worker.items()


def test_what_costs_is_off_unless_a_stage_asks(dev: Stage) -> None:
    for kind in ("DBProxy", "DBProxyTargetGroup"):
        assert not dev.resources(f"AWS::RDS::{kind}")
    assert len(dev.resources("AWS::RDS::DBInstance")) == 1
    assert not dev.resources("AWS::Lambda::Alias")
    assert "Barkbase-ProxyStack-dev" not in dev.stacks


def test_the_proxy_speaks_tls_only_and_knows_the_roles_by_their_secrets(full: Stage) -> None:
    proxy = the(full, "AWS::RDS::DBProxy")
    assert proxy["RequireTLS"] is True
    assert proxy["EngineFamily"] == "POSTGRESQL"
    (way,) = proxy["Auth"]
    assert (way["AuthScheme"], way["IAMAuth"]) == ("SECRETS", "DISABLED")
    assert "ShopSecret" in json.dumps(way["SecretArn"])
    assert json.dumps(proxy["VpcSubnetIds"]).count("isolatedSubnet") == 2
    targets = the(full, "AWS::RDS::DBProxyTargetGroup")
    assert targets["DBInstanceIdentifiers"] == ["shop-full"]
    # Some connections are left for those who go round.
    assert targets["ConnectionPoolConfigurationInfo"]["MaxConnectionsPercent"] < 100


def test_the_proxy_opens_the_secrets_of_the_databases_and_nothing_else(full: Stage) -> None:
    (role,) = full["Shop-ProxyStack-full"].of("AWS::IAM::Role").values()
    (policy,) = role["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    assert json.dumps(statement["Resource"]).count("ShopSecret") == 1


def test_functions_are_led_to_the_proxy_and_the_migrator_round_it(full: Stage) -> None:
    front = variables(full["ShopStack-full"], "shop-full-front")
    assert front["DB_PROXY"] == "1"
    assert "ProxyEndpoint" in json.dumps(front["DB_HOST"])
    migrator = variables(full["Shop-MigrationsStack-full"], "shop-full-migrate")
    assert "DB_PROXY" not in migrator
    assert "DatabaseStack" in json.dumps(migrator["DB_HOST"])
    # A function without a database is told of none.
    assert "DB_HOST" not in variables(full["ShopStack-full"], "shop-full-judge")


def test_only_functions_reach_the_proxy_and_it_reaches_the_database_only(full: Stage) -> None:
    stack = full["Shop-ProxyStack-full"]
    (group,) = stack.of(GROUP).values()
    (comes,), (leaves,) = (group["Properties"][f"SecurityGroup{way}"] for way in ("Ingress", "Egress"))
    assert "AppSecurityGroup" in json.dumps(comes["SourceSecurityGroupId"])
    assert "DbSecurityGroup" in json.dumps(leaves["DestinationSecurityGroupId"])
    for rule in (comes, leaves):
        assert (rule["FromPort"], rule["ToPort"]) == (5432, 5432)
        assert "CidrIp" not in rule


def test_both_ways_are_open_while_functions_are_led_from_one_to_the_other(full: Stage, dev: Stage) -> None:
    """Stacks are deployed one after the other: whoever was not led elsewhere yet goes on as before."""
    template = full["Shop-NetworkStack-full"]
    database = template.named(GROUP, GroupDescription="PostgreSQL, for functions only")
    (rule,) = database["SecurityGroupIngress"]
    assert "AppSecurityGroup" in json.dumps(rule["SourceSecurityGroupId"])
    # Nothing of the network or the database differs where there is a proxy: turning it on touches neither.
    assert set(template.of(GROUP)) == set(dev["Barkbase-NetworkStack-dev"].of(GROUP)) - {
        id for id in dev["Barkbase-NetworkStack-dev"].of(GROUP) if "Nat" in id
    }


def test_the_proxy_comes_behind_the_migrations_that_make_its_roles_and_before_the_services(
    full: Stage,
) -> None:
    assert full.waits_for("Shop-ProxyStack-full", "Shop-MigrationsStack-full")
    assert full.waits_for("ShopStack-full", "Shop-ProxyStack-full")
    assert full["Shop-ProxyStack-full"].exports() == {"ProxyEndpoint": "Shop-ProxyStack-full-ProxyEndpoint"}
    (targets,) = full["Shop-ProxyStack-full"].of("AWS::RDS::DBProxyTargetGroup").values()
    assert targets["DependsOn"] == ["DatabaseAdmitsProxy"]


def test_the_replica_is_as_closed_as_its_source_and_nobody_is_led_there(full: Stage) -> None:
    template = full["Shop-DatabaseStack-full"]
    source = template.named("AWS::RDS::DBInstance", DBInstanceIdentifier="shop-full")
    replica = template.named("AWS::RDS::DBInstance", DBInstanceIdentifier="shop-full-replica")
    for same in ("VPCSecurityGroups", "DBParameterGroupName", "PubliclyAccessible"):
        assert replica[same] == source[same], same
    assert replica["DeletionProtection"] is True
    # CloudFormation refuses the property of a replica, which is encrypted as its source is.
    assert source["StorageEncrypted"] is True
    assert "StorageEncrypted" not in replica
    assert template.exports()["DbReplicaHost"] == "Shop-DatabaseStack-full-DbReplicaHost"
    for function in full.resources(FUNCTION):
        assert "Replica" not in json.dumps(function["Properties"].get("Environment", ""))


def test_the_stages_windows_are_the_databases(full: Stage) -> None:
    source = full["Shop-DatabaseStack-full"].named("AWS::RDS::DBInstance", DBInstanceIdentifier="shop-full")
    assert source["PreferredBackupWindow"] == "23:00-23:45"
    assert source["PreferredMaintenanceWindow"] == "tue:01:00-tue:02:00"
    assert source["MultiAZ"] is True
    assert (source["AllocatedStorage"], source["MaxAllocatedStorage"]) == ("20", 100)


def test_the_migrator_gives_new_passwords_and_only_secrets_manager_may_ask_it_to(full: Stage) -> None:
    stack = full["Shop-MigrationsStack-full"]
    (rotation,) = stack.of("AWS::SecretsManager::RotationSchedule").values()
    (migrator,) = (
        id for id, each in stack.of(FUNCTION).items() if each["Properties"].get("Runtime") == "python3.13"
    )
    asked = {"Fn::GetAtt": [migrator, "Arn"]}
    assert rotation["Properties"]["RotationLambdaARN"] == asked
    assert rotation["Properties"]["RotationRules"] == {"AutomaticallyAfterDays": 30}
    assert rotation["Properties"]["RotateImmediatelyOnUpdate"] is False
    # The role has to be there, and Secrets Manager allowed to ask.
    assert set(rotation["DependsOn"]) == {"RunMigrations", "ShopRotates"}
    allowed = stack.named("AWS::Lambda::Permission", Principal="secretsmanager.amazonaws.com")
    assert allowed["FunctionName"] == asked
    assert allowed["SourceAccount"] == "123456789012"
    assert allowed["SourceArn"] == rotation["Properties"]["SecretId"]


def test_prod_changes_every_password_and_dev_none(prod: Stage, dev: Stage) -> None:
    schedules = prod.resources("AWS::SecretsManager::RotationSchedule")
    assert len(schedules) == len(prod["Barkbase-DatabaseStack-prod"].of("AWS::SecretsManager::Secret"))
    assert not dev.resources("AWS::SecretsManager::RotationSchedule")


def test_only_the_migrator_writes_secrets_and_only_those_of_databases(stage: Stage) -> None:
    found: dict[str, list[dict[str, Any]]] = {}
    for template in stage.stacks.values():
        for id, role in template.of("AWS::IAM::Role").items():
            for policy in role["Properties"].get("Policies", ()):
                for statement in policy["PolicyDocument"]["Statement"]:
                    if "secretsmanager:PutSecretValue" in statement["Action"]:
                        found.setdefault(id.partition("FunctionRole")[0], []).append(statement)
    assert set(found) == {"Migrator"}
    for statement in found["Migrator"]:
        assert statement["Action"] == [
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
        ]
    resources = json.dumps([statement["Resource"] for statement in found["Migrator"]])
    assert resources.count("??????") >= 3
    assert "administrator" not in resources


@pytest.mark.parametrize(
    ("backup", "maintenance"),
    [
        ("07:00-08:00", "sun:07:30-sun:08:30"),
        ("23:30-00:30", "mon:00:00-mon:01:00"),
        ("00:00-00:30", "sun:23:00-mon:00:15"),
        ("06:00-07:00", "mon:05:00-wed:05:00"),
    ],
)
def test_windows_that_meet_are_found_over_midnight_and_over_the_week(backup: str, maintenance: str) -> None:
    each_day, each_week = windows.daily(backup), windows.weekly(maintenance)
    assert each_day is not None
    assert each_week is not None
    assert windows.meet(each_day, each_week)


@pytest.mark.parametrize(
    ("backup", "maintenance"),
    [("07:00-08:00", "sun:08:00-sun:09:00"), ("23:00-23:30", "sun:23:30-mon:00:00")],
)
def test_windows_may_touch(backup: str, maintenance: str) -> None:
    each_day, each_week = windows.daily(backup), windows.weekly(maintenance)
    assert each_day is not None
    assert each_week is not None
    assert not windows.meet(each_day, each_week)


def test_the_migrator_opens_a_restored_server_with_the_secret_that_the_stage_names(shop: Stage) -> None:
    secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-"
    template = shop["Shop-MigrationsStack-shut"]
    (migrator,) = [each for each in template.of(FUNCTION).values() if each["Properties"].get("Layers")]
    named = migrator["Properties"]["Environment"]["Variables"]["DB_ADMIN_SECRET_NAME"]
    assert named.startswith(secret)
    assert named in json.dumps(template.of("AWS::IAM::Role"))
    assert not [id for id, each in shop.stacks.items() if "MasterUserSecret" in json.dumps(each.body)]


@pytest.mark.parametrize(
    ("written", "what", "fix"),
    [
        ('backup_window = "7-8"', "the backup_window '7-8'", "half an hour"),
        ('backup_window = "07:00-07:20"', "the backup_window '07:00-07:20'", "half an hour"),
        ('maintenance_window = "sunday"', "the maintenance_window 'sunday'", "half an hour"),
        (
            'backup_window = "08:45-09:45"',
            "backups at 08:45-09:45 that meet maintenance at sun:08:30-sun:09:30",
            "move one",
        ),
        ("rotate_days = 0", "passwords that live 0 days", "1 to 1,000"),
        ('administrator = "rds!db-1"', "administrator 'rds!db-1'", "in us-east-2"),
        ('egress = "tunnel"', "Invalid enum value 'tunnel'", ""),
        ("prxy = true", "unknown field `prxy`", "did you mean proxy?"),
    ],
)
def test_a_mistyped_setting_of_the_ground_is_refused(
    tmp_path: Path, written: str, what: str, fix: str
) -> None:
    path = tmp_path / "stages.toml"
    path.write_text(f'system = "a"\nprefix = "A"\n[stages.dev]\nregion = "us-east-2"\n{written}\n')
    with pytest.raises(OperatorError) as refused:
        stages.read(path)
    assert what in refused.value.what
    assert fix in refused.value.fix
    assert refused.value.code == "stages_invalid"
