"""Where this function's package lies, and the manifest in it."""

import os
from pathlib import Path

MANIFEST = "lamppost.json"


def root() -> Path:
    """The folder the package was unpacked in."""
    return Path(os.environ.get("LAMBDA_TASK_ROOT", "."))


def manifest() -> Path:
    """The manifest's file: the runner says where, on AWS it lies in the package."""
    return Path(os.environ.get("LAMPPOST_MANIFEST") or root() / MANIFEST)
