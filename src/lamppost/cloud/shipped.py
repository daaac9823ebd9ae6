"""What `pack` made, as far as the stacks ask."""

from pathlib import Path

import msgspec

from lamppost.pack.assets import Packed


class Zip(msgspec.Struct, frozen=True):
    """A zip; `digest` is of what went in, and says alone whether anything changed."""

    path: Path
    digest: str


class Shipped(msgspec.Struct, frozen=True):
    """Layers and services by their names, and the layers that each function (`birthday.worker`) stands on."""

    layers: dict[str, Zip]
    services: dict[str, Zip]
    functions: dict[str, tuple[str, ...]]


def shipped(packed: Packed) -> Shipped:
    """The zips of `packed`, by their kind."""
    zips = {
        kind: {asset.name: Zip(asset.path, asset.digest) for asset in packed.assets if asset.kind == kind}
        for kind in ("layer", "service")
    }
    return Shipped(zips["layer"], zips["service"], packed.functions)
