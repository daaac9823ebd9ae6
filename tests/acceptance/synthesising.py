"""Writes the assemblies of several releases of a repository, as `lamppost synth` does, in one process.

`python synthesising.py STAGE ROOT OUT [ROOT OUT …]`: CDK is loaded once, and each release's services anew.
"""

import sys
from pathlib import Path

from lamppost.cloud.synthesis import synthesise


def main(stage: str, *places: str) -> None:
    """Synthesise each root into the folder behind it."""
    for root, out in zip(places[::2], places[1::2], strict=True):
        synthesise(Path(root), stage, Path(out))
        sys.path.remove(root)
        for module in [name for name in sys.modules if name.partition(".")[0] == "services"]:
            del sys.modules[module]


if __name__ == "__main__":
    main(*sys.argv[1:])
