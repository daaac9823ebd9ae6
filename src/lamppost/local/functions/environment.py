"""A local function's environment: the declared one, and what Lambda itself would set."""

import os

from lamppost.declare import names
from lamppost.derive.environment import environment
from lamppost.derive.manifest import FunctionEntry, ServiceEntry

HANDLER = "lamppost.runtime.entry.handle"

_PASSED_ON = (
    "PATH", "LANG", "HOME", "TMPDIR", "LAMPPOST_ALLOW_WEBHOOK", "LOG_LEVEL", "RUST_LOG",
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_SERVICE_NAME",
)  # fmt: skip


def local_environment(
    service: ServiceEntry,
    function: FunctionEntry,
    *,
    root: str,
    manifest: str,
    place: dict[str, str],
    fast: bool,
) -> dict[str, str]:
    """The variables a sandbox starts with; `place` says where the AWS port and the extension are.

    AWS_EXECUTION_ENV decides whether AWS's runtime client starts a thread per invocation, as it
    does on AWS; `fast` leaves it out.
    """
    name = names.physical(function.named, names.LOCAL_ENV)
    variables = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    variables.update(environment(service, function, stage=names.LOCAL, env=names.LOCAL_ENV))
    variables.update(
        {
            "LAMPPOST_MANIFEST": manifest,
            "LAMBDA_TASK_ROOT": root,
            "LAMBDA_RUNTIME_DIR": root,
            "_HANDLER": HANDLER,
            "TZ": ":UTC",
            "PYTHONUNBUFFERED": "1",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": names.log_group(name),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": names.LOCAL_REGION,
            "AWS_DEFAULT_REGION": names.LOCAL_REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            **place,
        }
    )
    if not fast:
        variables["AWS_EXECUTION_ENV"] = "AWS_Lambda_python3.13"
    return variables
