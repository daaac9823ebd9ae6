"""Stores objects under a limit on the size of a file, which fails a write as a full disk does."""

import resource
import sys
from pathlib import Path

from lamppost.errors import OperatorError
from lamppost.local.objects import Meta, ObjectStore


def meta(size: int) -> Meta:
    """An object called a."""
    return Meta("a", size, "0" * 32, 0, {}, {})


store = ObjectStore(Path(sys.argv[1]))
store.put("files", meta(3), b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store.put("files", meta(1_000_000), b"x" * 1_000_000)
except OperatorError as refused:
    sys.stdout.write(refused.code)
