"""The network, the database, the functions' surroundings, and the migrations before them."""

import json
from pathlib import Path
from typing import Any

import pytest

from lamppost.migrate.provision import roles
from tests.cloud.conftest import Stage, Synthesised, asked
from tests.running import ROOT

GROUP = "AWS::EC2::SecurityGroup"


def database(stage: Stage) -> dict[str, Any]:
    """The instance's properties."""
    (instance,) = stage.resources("AWS::RDS::DBInstance")
    return dict(instance["Properties"])


def test_only_functions_reach_the_database_and_it_reaches_nobody(stage: Stage) -> None:
    network = stage[f"Barkbase-NetworkStack-{stage.env}"]
    group = network.named(GROUP, GroupDescription="PostgreSQL, for functions only")
    (rule,) = group["SecurityGroupIngress"]
    assert (rule["FromPort"], rule["ToPort"]) == (5432, 5432)
    assert "AppSecurityGroup" in json.dumps(rule["SourceSecurityGroupId"])
    assert "CidrIp" not in rule
    assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == ["255.255.255.255/32"]
    assert not network.of("AWS::EC2::SecurityGroupIngress")


def test_the_database_is_private_encrypted_and_backed_up(stage: Stage) -> None:
    instance = database(stage)
    assert instance["PubliclyAccessible"] is False
    assert instance["StorageEncrypted"] is True
    assert instance["StorageType"] == "gp3"
    assert instance["ManageMasterUserPassword"] is True
    assert instance["EngineVersion"].startswith("17.")
    assert instance["BackupRetentionPeriod"] >= 1
    (parameters,) = stage.resources("AWS::RDS::DBParameterGroup")
    assert parameters["Properties"]["Parameters"]["rds.force_ssl"] == "1"


def test_backups_and_maintenance_do_not_overlap(dev: Stage) -> None:
    backup = database(dev)["PreferredBackupWindow"].split("-")
    weekly = database(dev)["PreferredMaintenanceWindow"].split("-")
    begins, ends = (part.partition(":")[2] for part in weekly)
    assert backup[0] < backup[1] < begins < ends


def test_prod_is_small_but_does_not_fall_over(prod: Stage, dev: Stage) -> None:
    instance = database(prod)
    assert (instance["MultiAZ"], instance["DeletionProtection"]) == (True, True)
    assert instance["BackupRetentionPeriod"] == 30
    assert (database(dev)["MultiAZ"], database(dev)["DeletionProtection"]) == (False, False)
    assert database(dev)["DBInstanceClass"] == "db.t4g.micro"


def test_a_secret_says_who_somebody_is_as_the_migrator_will_call_them(
    synthesised: Synthesised, dev: Stage
) -> None:
    template = dev["Barkbase-DatabaseStack-dev"]
    for name, (entry, _) in synthesised.manifest.databases().items():
        called = {"bday/db-credentials": "bday/dev/db-credentials"}.get(entry.secret, entry.secret)
        secret = template.named("AWS::SecretsManager::Secret", Name=called.replace("{env}", "dev"))
        told = json.loads(secret["GenerateSecretString"]["SecretStringTemplate"])
        assert told == {"username": roles(name).app, "dbname": name}
        assert secret["GenerateSecretString"]["GenerateStringKey"] == "password"


def test_functions_stand_in_the_private_tier_behind_the_apps_group(stage: Stage) -> None:
    for each in stage.resources("AWS::Lambda::Function"):
        if each["Properties"].get("Runtime") == "python3.13":
            place = json.dumps(each["Properties"]["VpcConfig"])
            assert place.count("privateSubnet") == 2
            assert "AppSecurityGroup" in place
            assert ("InternetSecurityGroup" in place) == ("worker" in each["Properties"]["FunctionName"])


def test_functions_are_as_the_documents_say(stage: Stage) -> None:
    ours = [
        each["Properties"]
        for each in stage.resources("AWS::Lambda::Function")
        if each["Properties"].get("Runtime") == "python3.13"
    ]
    assert len(ours) >= 7
    for each in ours:
        assert each["Architectures"] == ["arm64"]
        assert each["Handler"] == "lamppost.runtime.entry.handle"
        assert each["TracingConfig"] == {"Mode": "Active"}
        assert each["LoggingConfig"]["LogFormat"] == "JSON"
        assert "ReservedConcurrentExecutions" not in each  # a new account's quota refuses any
    sizes = {each["FunctionName"]: (each["MemorySize"], each["Timeout"]) for each in ours}
    wanted = {"-scheduler": (512, 60), "-worker": (512, 30), "-db-healthcheck": (256, 30)}
    for name, size in sizes.items():
        assert size == next((found for end, found in wanted.items() if name.endswith(end)), size), name


def test_the_health_check_has_the_environment_that_its_document_lists(dev: Stage) -> None:
    function = dev["Barkbase-BackendServicesStack-dev"].named(
        "AWS::Lambda::Function", FunctionName="barkbase-dev-db-healthcheck"
    )
    variables = function["Environment"]["Variables"]
    assert variables["DB_SECRET_NAME"] == "barkbase/dev/postgres/credentials"
    assert variables["DB_NAME"] == "barkbase"
    assert variables["BARKBASE_ENV"] == "dev"
    assert "Endpoint" in json.dumps(variables["DB_HOST"])


def test_logs_are_kept_as_long_as_the_stage_says(stage: Stage) -> None:
    days = {"dev": 7, "staging": 7, "prod": 30, "pr-12": 3}[stage.env]
    groups = stage.resources("AWS::Logs::LogGroup")
    assert len(groups) > 10
    assert {each["Properties"]["RetentionInDays"] for each in groups} == {days}


def test_the_migrator_runs_again_when_a_file_changes_and_goes_to_the_instance_itself(
    synthesised: Synthesised, stage: Stage
) -> None:
    template = stage[f"Barkbase-MigrationsStack-{stage.env}"]
    (run,) = template.of("Custom::LamppostMigrations").values()
    assert run["Properties"]["digest"] == synthesised.release.digest
    assert run["Properties"]["ServiceTimeout"] == "600"
    assert run["Properties"].get("soakHours") == ("24" if stage.env == "prod" else None)
    migrator = [f for f in template.of("AWS::Lambda::Function").values() if f["Properties"].get("Layers")]
    variables = migrator[0]["Properties"]["Environment"]["Variables"]
    assert "MasterUserSecret" in json.dumps(variables["DB_ADMIN_SECRET_NAME"])
    assert "Endpoint" in json.dumps(variables["DB_HOST"])


def test_code_is_noted_as_live_only_behind_every_function_of_its_stack(
    synthesised: Synthesised, stage: Stage
) -> None:
    template = stage[f"ApiStack-{stage.env}"]
    (noted,) = template.of("Custom::LamppostMigrations").values()
    heads = synthesised.release.heads
    assert noted["Properties"]["live"] == {"users": heads["users"], "orders": heads["orders"]}
    assert set(template.of("AWS::Lambda::Function")) <= set(noted["DependsOn"])


def test_a_stage_without_a_way_out_has_doors_to_what_its_functions_call(shop: Stage) -> None:
    doors = [
        json.dumps(each["Properties"]["ServiceName"]) for each in shop.resources("AWS::EC2::VPCEndpoint")
    ]
    assert len(doors) == 4
    for name in ("s3", "secretsmanager", "sqs", "ssm"):
        assert any(f".{name}" in door for door in doors), name
    assert not shop.resources("AWS::EC2::NatGateway")
    assert not shop.resources("AWS::EC2::Instance")


def test_a_function_that_calls_out_is_refused_where_no_way_leads_out(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    (tmp_path / "services").symlink_to(ROOT / "services")
    written = (ROOT / "infra" / "stages.toml").read_text()
    shut = written.replace('egress = "nat-instance"', 'egress = "none"')
    (tmp_path / "infra" / "stages.toml").write_text(shut)

    done = asked(tmp_path, tmp_path / "out", "dev")
    assert done.returncode == 1
    assert "birthday.worker has internet=True, and 'dev' no way out" in done.stderr


def test_a_stage_may_reserve_what_its_functions_declare(shop: Stage) -> None:
    reserved = {
        each["Properties"]["FunctionName"]: each["Properties"].get("ReservedConcurrentExecutions")
        for each in shop.resources("AWS::Lambda::Function")
        if "FunctionName" in each["Properties"]
    }
    assert reserved["shop-shut-pack"] == 7
    assert reserved["shop-shut-front"] is None


def test_a_named_account_is_in_every_name_and_its_zones_are_not_asked_for(shop: Stage) -> None:
    assert not shop.assembly.get("missing")
    buckets = {each["Properties"]["BucketName"] for each in shop.resources("AWS::S3::Bucket")}
    assert buckets == {f"shop-shut-{name}-123456789012" for name in ("photos", "site", "site-logs")}
    zones = {each["Properties"]["AvailabilityZone"] for each in shop.resources("AWS::EC2::Subnet")}
    assert zones == {"eu-central-1a", "eu-central-1c"}


@pytest.mark.parametrize(
    ("env", "kind"), [("staging", "AWS::EC2::NatGateway"), ("dev", "AWS::EC2::Instance")]
)
def test_a_stage_has_the_way_out_that_it_pays_for(synthesised: Synthesised, env: str, kind: str) -> None:
    assert len(synthesised.stages[env].resources(kind)) == 1
