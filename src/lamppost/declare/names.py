"""Physical names, from one place.

A logical name may hold `{env}` and then has it in every stage (`barkbase-{env}-backend`).
Without it, the seed's plain name is kept on prod, and every other stage puts its own name
behind the first segment (`bday-messages` on prod, `bday-dev-messages` on dev), so that two
stages fit one account.
"""

import re

PROD = "prod"
LOCAL = "local"
LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-east-2"
LOCAL_ENV = "dev"
# Who may make databases and roles: opened by the function that migrates, and by nobody else.
ADMINISTRATOR = "lamppost/{env}/postgres/administrator"

_FIRST_SEGMENT = re.compile(r"^(/?[^-/]+)([-/])")


def physical(name: str, env: str) -> str:
    """The name that `name` has on AWS in the stage `env`."""
    if "{env}" in name:
        return name.replace("{env}", env)
    if env == PROD:
        return name
    placed = _FIRST_SEGMENT.sub(rf"\g<1>\g<2>{env}\g<2>", name, count=1)
    return placed if placed != name else f"{name}-{env}"


def local_names(name: str) -> tuple[str, ...]:
    """Every name that `name` answers to on one machine: its dev name first, then its prod name."""
    return tuple(dict.fromkeys((physical(name, LOCAL_ENV), physical(name, PROD))))


def queue_arn(name: str, *, region: str = LOCAL_REGION, account: str = LOCAL_ACCOUNT) -> str:
    """The ARN of the queue with this physical name."""
    return f"arn:aws:sqs:{region}:{account}:{name}"


def function_arn(name: str, *, region: str = LOCAL_REGION, account: str = LOCAL_ACCOUNT) -> str:
    """The ARN of the function with this physical name."""
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def parameter_arn(name: str, *, region: str = LOCAL_REGION, account: str = LOCAL_ACCOUNT) -> str:
    """The ARN of the parameter with this physical name (`/a/b` becomes `parameter/a/b`)."""
    return f"arn:aws:ssm:{region}:{account}:parameter/{name.lstrip('/')}"


def secret_arn(name: str, *, region: str = LOCAL_REGION, account: str = LOCAL_ACCOUNT) -> str:
    """The ARN of the secret with this physical name, without AWS's six random characters."""
    return f"arn:aws:secretsmanager:{region}:{account}:secret:{name}"


def bucket(name: str, env: str, *, account: str = LOCAL_ACCOUNT) -> str:
    """The physical name of the bucket `name`. All of AWS shares one space of names, hence the account."""
    return f"{physical(name, env)}-{account}"


def local_bucket_names(name: str) -> tuple[str, ...]:
    """Every name that the bucket `name` answers to on one machine, with and without the account."""
    return tuple(dict.fromkeys((bucket(name, LOCAL_ENV), bucket(name, PROD), *local_names(name))))


def bucket_arn(name: str) -> str:
    """The ARN of the bucket with this physical name; an object's is `{it}/{key}`."""
    return f"arn:aws:s3:::{name}"


def log_group(function: str) -> str:
    """The log group of the function with this physical name."""
    return f"/aws/lambda/{function}"


def dead_letters(queue: str) -> str:
    """The logical name of a queue's dead-letter queue."""
    return f"{queue}-dlq"


def failures(function: str) -> str:
    """The logical name of the queue that keeps a function's failed asynchronous events."""
    return f"{function}-failures"


def schedule_group(prefix: str, env: str) -> str:
    """The physical name of the group of a service's schedules: they are measured by group."""
    return physical(f"{prefix}-schedules", env)
