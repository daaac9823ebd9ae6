"""Writes what each API promises: OpenAPI documents need the handlers' types, and so the services' code.

`python -m lamppost.pack.contract ROOT [PLACES]` prints one JSON object, API name to document; PLACES is a
JSON object of API name to `Place`. A mistake is printed as `lamppost.pack.discover` prints one.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from lamppost.derive.describe import describe
from lamppost.derive.openapi.document import Place, document
from lamppost.errors import LamppostError
from lamppost.pack.discover import load


def documents(root: Path, places: Mapping[str, Place] | None = None) -> dict[str, dict[str, Any]]:
    """The OpenAPI document of each API below `root`, as it stands at its place. Raises `AuthorError`."""
    system = load(root)
    entries = describe(system, {service.name: f"services/{service.name}" for service in system.services})
    return {
        service.name: document(service, entry, (places or {}).get(service.name))
        for service, entry in zip(system.services, entries.services, strict=True)
        if any(function.routes for function in service.functions)
    }


def main(root: str, places: str = "{}") -> int:
    """Print the documents of `root`, or why there are none."""
    try:
        found = documents(Path(root), msgspec.json.decode(places, type=dict[str, Place]))
        sys.stdout.buffer.write(msgspec.json.encode(found))
    except LamppostError as error:
        sys.stdout.buffer.write(
            msgspec.json.encode({"what": error.what, "fix": error.fix, "code": error.code})
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
