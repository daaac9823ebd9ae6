"""The environment variables of a function: the same on one machine and on AWS."""

from lamppost.declare import names
from lamppost.derive.manifest import FunctionEntry, ServiceEntry


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
        variables["DB_SECRET_NAME"] = names.physical(service.database.secret, env)
        variables["DB_NAME"] = service.database.name
    if function.migrates:
        variables["DB_ADMIN_SECRET_NAME"] = names.physical(names.ADMINISTRATOR, env)
    if function.reads_parameters:
        # The extension's own cache would keep a parameter for five minutes; ours keeps it for one at most.
        variables["SSM_PARAMETER_STORE_TTL"] = "10"
    variables.update((name, value.replace("{env}", env)) for name, value in service.environment)
    return variables
