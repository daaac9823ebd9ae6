"""Functions: each with a role, a log and a place of its own, and with no secret in its environment."""

import re
from collections.abc import Iterator
from typing import Any

from lamppost.cloud.rules.stacks import Broken, Resource, Stacks, flat
from lamppost.declare import limits, names

FUNCTION = "Lambda::Function"
# What AWS's own environment variables of ours hold: names and addresses, never a value worth stealing.
_SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|SECRET(?!_NAME|S?_ARN)|TOKEN|PRIVATE|API_?KEY|DATABASE_URL|CREDENTIAL"
)
_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:]+:[^/\s@]+@")


def ours(stacks: Stacks) -> Iterator[Resource]:
    """The functions that a service declares. CDK's own have no name."""
    return (each for each in stacks.of(FUNCTION) if each.get("Environment", "Variables", "LAMPPOST_FUNCTION"))


def role_of_its_own(stacks: Stacks) -> Iterator[Broken]:
    """No two functions share a role."""
    seen: dict[tuple[str, str], str] = {}
    for function in stacks.of(FUNCTION):
        role = stacks.target(function.stack, function.get("Role"))
        where = (role.stack, role.id) if role else ("", flat(function.get("Role")))
        other = seen.setdefault(where, function.id)
        if other != function.id:
            yield function.broken(f"has the role of {other}", "give each function a role of its own")


def logs_where_people_look(stacks: Stacks) -> Iterator[Broken]:
    """A function writes to the log group of its name, which the template makes."""
    for function in ours(stacks):
        group = stacks.target(function.stack, function.get("LoggingConfig", "LogGroup"))
        wanted = names.log_group(flat(function.get("FunctionName", default=function.id)))
        if group is None or group.get("LogGroupName") != wanted:
            yield function.broken(
                "leaves its log group to Lambda, which keeps it for ever", f"make {wanted} in the stack"
            )


def log_lines_are_json(stacks: Stacks) -> Iterator[Broken]:
    """Lambda writes its own lines as ours are."""
    for function in ours(stacks):
        if function.get("LoggingConfig", "LogFormat") != "JSON":
            yield function.broken("logs text among our JSON", "set LoggingConfig.LogFormat to JSON")


def traced(stacks: Stacks) -> Iterator[Broken]:
    """A function's requests can be followed."""
    for function in ours(stacks):
        if function.get("TracingConfig", "Mode") != "Active":
            yield function.broken("is not traced", "set TracingConfig.Mode to Active")


def runs_what_its_layers_hold(stacks: Stacks) -> Iterator[Broken]:
    """A function has the processor and the Python that its layers were built for."""
    for function in ours(stacks):
        for layer in (stacks.target(function.stack, each) for each in function.get("Layers", default=[])):
            if layer is None:
                yield function.broken("has a layer that no stack makes", "name one of SharedResourcesStack's")
                continue
            for mine, theirs in (
                ({function.get("Runtime")}, set(layer.get("CompatibleRuntimes", default=[]))),
                (
                    set(function.get("Architectures", default=["x86_64"])),
                    set(layer.get("CompatibleArchitectures", default=[])),
                ),
            ):
                if not mine <= theirs:
                    yield function.broken(
                        f"runs on {sorted(mine)}, and its layer {layer.id} on {sorted(theirs)}",
                        "build layers and functions for one runtime",
                    )


def reaches_its_database(stacks: Stacks) -> Iterator[Broken]:
    """A function with a database stands in the network, in two zones."""
    for function in ours(stacks):
        if not function.get("Environment", "Variables", "DB_HOST"):
            continue
        if len(function.get("VpcConfig", "SubnetIds", default=[])) < 2:
            yield function.broken(
                "asks a database that only the network reaches", "place it in two private subnets"
            )


def answers_before_the_api_gives_up(stacks: Stacks) -> Iterator[Broken]:
    """API Gateway waits 30 seconds at most: whoever works longer works for nobody."""
    for integration in stacks.of("ApiGatewayV2::Integration"):
        function = stacks.target(integration.stack, integration.get("IntegrationUri"))
        timeout = function.get("Timeout", default=3) if function else 0
        if function and timeout > limits.HTTP_TIMEOUT.total_seconds():
            yield function.broken(
                f"may run {timeout} s behind an API that waits {limits.HTTP_TIMEOUT.total_seconds():.0f}",
                "give it timeout=seconds(30) or less, and the rest of the work to a queue",
            )


def keeps_secrets_out_of_the_environment(stacks: Stacks) -> Iterator[Broken]:
    """A function is told a secret's name; whoever may look at functions would see a value."""
    for function in stacks.of(FUNCTION):
        variables: dict[str, Any] = function.get("Environment", "Variables", default={})
        for name, value in variables.items():
            text = flat(value)
            if _WITH_PASSWORD.search(text) or (_SECRET_NAME.search(name.upper()) and text != "{}"):
                yield function.broken(
                    f"has {name} in its environment",
                    "keep the value in Secrets Manager, and declare reads= or Database(secret=)",
                )
            elif "{{resolve:" in text:
                yield function.broken(
                    f"has the value of a secret in {name}", "read it at run time; a template's copy grows old"
                )


def opens_a_secret_that_is_there(stacks: Stacks) -> Iterator[Broken]:
    """The secret that a function looks for is made by a stack."""
    made = {flat(secret.get("Name")) for secret in stacks.of("SecretsManager::Secret")}
    for function in ours(stacks):
        name = function.get("Environment", "Variables", "DB_SECRET_NAME")
        if isinstance(name, str) and name not in made:
            yield function.broken(
                f"looks for the secret {name!r}, which no stack makes",
                f"name one of {', '.join(sorted(made))}",
            )


RULES = (
    role_of_its_own,
    logs_where_people_look,
    log_lines_are_json,
    traced,
    runs_what_its_layers_hold,
    reaches_its_database,
    answers_before_the_api_gives_up,
    keeps_secrets_out_of_the_environment,
    opens_a_secret_that_is_there,
)
