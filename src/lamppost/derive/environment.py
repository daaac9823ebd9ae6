"""The environment variables of a function: the same on one machine and on AWS."""

from lamppost.declare import names
from lamppost.derive.manifest import FunctionEntry, ServiceEntry


def build_db_environment(
    environment: str, database_name: str, *, secret: str | None = None
) -> dict[str, str]:
    """What every function finds that opens the database `database_name` in the stage `environment`.

    BarkBase's helper, with its results for `barkbase`: the stage has a name of the database's own, and the
    secret is `{database}/{env}/postgres/credentials` unless `secret` says another (both logical names).
    """
    wanted = secret or f"{database_name}/{{env}}/postgres/credentials"
    return {
        "DB_SECRET_NAME": names.physical(wanted, environment),
        "DB_NAME": database_name,
        f"{database_name.upper()}_ENV": environment,
        # Node's SDK reads it; a function in Python keeps its connections anyhow.
        "AWS_NODEJS_CONNECTION_REUSE_ENABLED": "1",
    }


def environment(service: ServiceEntry, function: FunctionEntry, *, stage: str, env: str) -> dict[str, str]:
    """What `function` finds in its environment.

    `stage` is where it runs (`local`, `dev`, `prod`), `env` the name its resources carry:
    the local stage wears dev's names.
    """
    variables = {
        "LAMPPOST_STAGE": stage,
        "LAMPPOST_ENV": env,
        "LAMPPOST_FUNCTION": f"{service.name}.{function.name}",
    }
    if function.database and service.database is not None:
        variables |= build_db_environment(env, service.database.name, secret=service.database.secret)
    if function.migrates:
        variables["DB_ADMIN_SECRET_NAME"] = names.physical(names.ADMINISTRATOR, env)
    if function.reads_parameters:
        # The extension's own cache would keep a parameter for five minutes; ours keeps it for one at most.
        variables["SSM_PARAMETER_STORE_TTL"] = "10"
    variables.update((name, value.replace("{env}", env)) for name, value in service.environment)
    return variables
