"""What BarkBase declares, in the seed's names."""

from lamppost.declare import names
from lamppost.declare.service import System
from lamppost.derive.describe import describe
from lamppost.derive.environment import environment
from lamppost.derive.grants import grants
from services.barkbase.service import service


def test_the_health_check_has_the_seeds_name_size_and_environment():
    (entry,) = describe(System((service,)), {"barkbase": "services/barkbase"}).services
    (function,) = entry.functions
    assert names.physical(function.named, "dev") == "barkbase-dev-db-healthcheck"
    assert (function.memory_mb, function.timeout, function.kind) == (256, 30, "invoke")
    found = environment(entry, function, stage="dev", env="dev")
    assert {name: found[name] for name in ("DB_SECRET_NAME", "DB_NAME", "BARKBASE_ENV")} == {
        "DB_SECRET_NAME": "barkbase/dev/postgres/credentials",
        "DB_NAME": "barkbase",
        "BARKBASE_ENV": "dev",
    }


def test_the_health_check_may_read_its_databases_secret_and_describe_it():
    (entry,) = describe(System((service,)), {"barkbase": "services/barkbase"}).services
    may = grants(entry, entry.functions[0], env="dev")
    secret = names.secret_arn("barkbase/dev/postgres/credentials")
    for action in ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"):
        assert any(grant.allows(action, secret) for grant in may)
