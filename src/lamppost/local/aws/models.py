"""AWS's own description of its services, read from botocore's data files when first needed.

No botocore Session and no loader: a model is one gzipped JSON file. Importing botocore costs
80 ms, so `lamppost up` does it in the background, after it is ready (`preload`).
"""

import gzip
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from lamppost.errors import OperatorError

# Service to the version of its API.
VERSIONS = {
    "cloudwatch": "2010-08-01",
    "lambda": "2015-03-31",
    "logs": "2014-03-28",
    "secretsmanager": "2017-10-17",
    "sqs": "2012-11-05",
    "ssm": "2014-11-06",
}

# What stands before the dot in `x-amz-target`.
TARGETS = {
    "GraniteServiceVersion20100801": "cloudwatch",
    "AmazonSQS": "sqs",
    "AmazonSSM": "ssm",
    "Logs_20140328": "logs",
    "secretsmanager": "secretsmanager",
}


@cache
def service(name: str) -> Any:
    """The `botocore.model.ServiceModel` of a service in `VERSIONS`."""
    from botocore.model import ServiceModel

    raw = gzip.decompress((_data() / name / VERSIONS[name] / "service-2.json.gz").read_bytes())
    return ServiceModel(msgspec.json.decode(raw), name)


def operation(name: str, call: str) -> Any:
    """The `botocore.model.OperationModel` of `call`. Raises `KeyError` when AWS knows none."""
    from botocore.model import OperationNotFoundError

    try:
        return service(name).operation_model(call)
    except OperationNotFoundError as unknown:
        raise KeyError(call) from unknown


@cache
def routes(name: str) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Method, path pattern and operation of a REST service, the longest path first."""
    found = []
    for call in service(name).operation_names:
        http = operation(name, call).http
        path = http["requestUri"].partition("?")[0].rstrip("/")
        found.append((http["method"], path, call))
    found.sort(key=lambda route: len(route[1]), reverse=True)
    return tuple((method, _pattern(path), call) for method, path, call in found)


def preload() -> None:
    """Read everything now; meant for a thread of its own once the system is up."""
    for name in VERSIONS:
        service(name)
    routes("lambda")


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", path)
    return re.compile("".join(_part(part) for part in parts) + "/?")


def _part(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    name = part[1:-1]
    return f"(?P<{name[:-1]}>.+)" if name.endswith("+") else f"(?P<{name}>[^/]+)"


@cache
def _data() -> Path:
    spec = find_spec("botocore")
    if spec is None or spec.origin is None:
        raise OperatorError("botocore is not installed", fix="pip install 'lamppost[local]'")
    return Path(spec.origin).parent / "data"
