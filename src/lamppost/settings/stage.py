"""Which stage this process belongs to, and which name its resources carry."""

import os

from lamppost.declare import names


def stage() -> str:
    """Where this runs: `local`, `dev`, `prod`, `pr-12`. From LAMPPOST_STAGE, else `local`."""
    return os.environ.get("LAMPPOST_STAGE") or names.LOCAL


def env() -> str:
    """The `{env}` in physical names. From LAMPPOST_ENV, else the stage; the local stage wears dev's names."""
    named = os.environ.get("LAMPPOST_ENV")
    if named:
        return named
    return names.LOCAL_ENV if stage() == names.LOCAL else stage()


def on_lambda() -> bool:
    """Whether AWS Lambda runs this process: a function's name is set, and the stage is not `local`."""
    return bool(os.environ.get("AWS_LAMBDA_FUNCTION_NAME")) and stage() != names.LOCAL
