"""What everything is called in one stage: names, ARNs and URLs, and no secret's value.

Names follow from the declaration. What AWS itself makes up (an API's address, the database's host) comes from
the outputs of a deployment, where there are some.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from lamppost.declare import names
from lamppost.derive.manifest import Manifest

# The outputs of a stack by their keys, by the stack's name on AWS: what `cdk --outputs-file` writes.
Outputs = Mapping[str, Mapping[str, str]]


class Api(msgspec.Struct, frozen=True):
    """One service's HTTP API: its name, and its address where it is known."""

    name: str
    url: str | None


class Addresses(msgspec.Struct, frozen=True):
    """Everything that a program outside needs in order to talk to a stage.

    Each group maps the name in the declaration to what AWS calls it. Without an `account` there are no ARNs.
    `endpoint` is where the AWS APIs answer, None for AWS's own.
    """

    stage: str
    region: str
    account: str | None
    endpoint: str | None
    apis: dict[str, Api]
    functions: dict[str, dict[str, str]]
    queues: dict[str, dict[str, str]]
    buckets: dict[str, dict[str, str]]
    parameters: dict[str, dict[str, str]]
    secrets: dict[str, dict[str, str]]
    databases: dict[str, dict[str, str]]


class Stage(msgspec.Struct, frozen=True):
    """The stage as people call it, the name its resources carry, and where it is."""

    name: str
    env: str
    region: str
    account: str | None
    endpoint: str | None = None


def addresses(
    manifest: Manifest, stage: Stage, apis: Mapping[str, Api], host: str | None = None
) -> Addresses:
    """The addresses of the system in `stage`; `host` is the database's."""

    def arn(kind: Any, name: str) -> dict[str, str]:
        if stage.account is None:
            return {}
        return {"arn": kind(name, region=stage.region, account=stage.account)}

    def called(name: str) -> str:
        return names.physical(name, stage.env)

    services = manifest.services
    opened = {entry.name: entry for entry, _ in manifest.databases().values()}
    secrets = {each.name for service in services for each in service.secrets}
    return Addresses(
        stage.name,
        stage.region,
        stage.account,
        stage.endpoint,
        dict(apis),
        {
            f"{service.name}.{each.name}": {
                "name": called(each.named),
                **arn(names.function_arn, called(each.named)),
                "log_group": names.log_group(called(each.named)),
            }
            for service in services
            for each in service.functions
        },
        {
            each.name: {
                "name": called(each.name),
                **arn(names.queue_arn, called(each.name)),
                **_queue_url(stage, called(each.name)),
                "dead_letters": called(names.dead_letters(each.name)),
            }
            for service in services
            for each in service.queues
        },
        {
            each.name: _bucket(each.name, stage)
            for service in services
            for each in service.buckets
            if stage.account is not None
        },
        {
            each.name: {"name": called(each.name), **arn(names.parameter_arn, called(each.name))}
            for service in services
            for each in service.parameters
        },
        {
            name: {"name": called(name), **arn(names.secret_arn, called(name))}
            for name in sorted(secrets | {entry.secret for entry in opened.values()})
        },
        {
            name: {"name": name, "secret": called(entry.secret), **({"host": host} if host else {})}
            for name, entry in opened.items()
        },
    )


def _bucket(name: str, stage: Stage) -> dict[str, str]:
    named = names.bucket(name, stage.env, account=stage.account or "")
    return {"name": named, "arn": names.bucket_arn(named)}


def _queue_url(stage: Stage, name: str) -> dict[str, str]:
    if stage.account is None:
        return {}
    base = stage.endpoint or f"https://sqs.{stage.region}.amazonaws.com"
    return {"url": f"{base}/{stage.account}/{name}"}


def variables(found: Addresses) -> dict[str, str]:
    """The same as environment variables: `QUEUE_BDAY_MESSAGES`, `API_BIRTHDAY_URL`."""
    return dict(_variables(found))


def _variables(found: Addresses) -> Iterator[tuple[str, str]]:
    yield "LAMPPOST_STAGE", found.stage
    yield "AWS_REGION", found.region
    if found.account:
        yield "AWS_ACCOUNT_ID", found.account
    if found.endpoint:
        yield "AWS_ENDPOINT_URL", found.endpoint
    for service, api in found.apis.items():
        if api.url:
            yield f"API_{_upper(service)}_URL", api.url
    for kind in ("functions", "queues", "buckets", "parameters", "secrets"):
        for logical, each in getattr(found, kind).items():
            name = f"{kind.removesuffix('s').upper()}_{_upper(logical)}"
            yield name, each["name"]
            for more in ("arn", "url"):
                if more in each:
                    yield f"{name}_{more.upper()}", each[more]
    for name, each in found.databases.items():
        yield f"DATABASE_{_upper(name)}_SECRET", each["secret"]
        if "host" in each:
            yield f"DATABASE_{_upper(name)}_HOST", each["host"]


def _upper(logical: str) -> str:
    """`app/{env}/postgres/credentials` as a variable may be called: `APP_POSTGRES_CREDENTIALS`."""
    return re.sub(r"[^A-Za-z0-9]+", "_", logical.replace("{env}", "")).strip("_").upper()
