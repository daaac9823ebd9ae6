"""Mistakes about the database."""

from lamppost.cloud.rules.stacks import Stacks
from tests.cloud.gates.editing import add, drop, find, put, replace
from tests.cloud.gates.mutants.table import mistake

DATABASE = "RDS::DBInstance"
EVERYBODY = "0.0.0.0/0"


@mistake("Miyabi", "rule:database-is-private", "checkov:CKV_AWS_17")
def a_public_database(stacks: Stacks) -> None:
    put(find(stacks, DATABASE), "PubliclyAccessible", True)


@mistake("Miyabi", "rule:nobody-comes-in", "rule:only-groups-reach-the-database", "nag:AwsSolutions-EC23")
def port_5432_open_to_everybody(stacks: Stacks) -> None:
    group = find(stacks, "EC2::SecurityGroup", "DbSecurityGroup")
    drop(group, "SecurityGroupIngress", 0, "SourceSecurityGroupId")
    put(group, "SecurityGroupIngress", 0, "CidrIp", EVERYBODY)


@mistake("the field", "rule:database-is-encrypted", "checkov:CKV_AWS_16", "nag:AwsSolutions-RDS2", "snapshot")
def an_unencrypted_disk(stacks: Stacks) -> None:
    put(find(stacks, DATABASE), "StorageEncrypted", False)


@mistake("the field", "rule:database-is-backed-up", "nag:AwsSolutions-RDS13")
def no_backups(stacks: Stacks) -> None:
    put(find(stacks, DATABASE), "BackupRetentionPeriod", 0)


@mistake("monorepo", "rule:protected-where-it-matters", "nag:AwsSolutions-RDS10")
def a_database_that_one_click_deletes(stacks: Stacks) -> None:
    put(find(stacks, DATABASE), "DeletionProtection", False)


@mistake("monorepo", "rule:protected-where-it-matters")
def a_stack_that_one_click_deletes(stacks: Stacks) -> None:
    replace(stacks, find(stacks, DATABASE).stack, protected=False)


@mistake("Miyabi", "rule:protected-where-it-matters", "nag:AwsSolutions-RDS3", "checkov:CKV_AWS_157")
def prod_in_one_zone(stacks: Stacks) -> None:
    put(find(stacks, DATABASE), "MultiAZ", False)


@mistake("monorepo", "rule:data-outlives-its-stack")
def a_database_that_goes_with_its_stack(stacks: Stacks) -> None:
    find(stacks, DATABASE).body["DeletionPolicy"] = "Delete"


@mistake("Miyabi", "rule:password-is-unknown", "cfn-lint:W2501")
def the_password_in_the_template(stacks: Stacks) -> None:
    database = find(stacks, DATABASE)
    drop(database, "ManageMasterUserPassword")
    put(database, "MasterUserPassword", "Hunter2hunter2")


@mistake("Miyabi", "rule:database-speaks-tls", "checkov:CKV2_AWS_69")
def connections_without_tls(stacks: Stacks) -> None:
    put(find(stacks, "RDS::DBParameterGroup"), "Parameters", "rds.force_ssl", "0")


@mistake("the field", "rule:windows-are-apart")
def backup_during_maintenance(stacks: Stacks) -> None:
    put(find(stacks, DATABASE), "PreferredBackupWindow", "08:00-09:00")


@mistake("the field", "rule:newer-minor-versions-come")
def nobody_patches_postgresql(stacks: Stacks) -> None:
    put(find(stacks, DATABASE), "AutoMinorVersionUpgrade", False)


@mistake("Miyabi", "rule:database-stands-where-no-way-leads")
def a_way_out_of_the_databases_subnet(stacks: Stacks) -> None:
    network = stacks.stacks[find(stacks, "EC2::VPC").stack].id
    table = find(stacks, "EC2::RouteTable", "VpcisolatedSubnet1").id
    gateway = find(stacks, "EC2::InternetGateway").id
    add(
        stacks, network, "WayOut", "AWS::EC2::Route",
        RouteTableId={"Ref": table}, GatewayId={"Ref": gateway}, DestinationCidrBlock=EVERYBODY,
    )  # fmt: skip
