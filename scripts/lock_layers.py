"""Writes requirements/layers/*.txt: what functions are given of what requirements/run.txt locks.

The same releases with the same hashes: what is tested here is what is shipped.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
LAYERS = {
    "db-layer": ("msgspec", "psycopg", "psycopg-binary", "typing-extensions", "tzdata"),
    "http-out": ("pycurl",),
    "tokens": ("cffi", "cryptography", "joserfc"),
    "migrate": ("pglast",),
}


def entries(lock: str) -> dict[str, str]:
    """Name to its whole entry: release, marker, hashes."""
    found = re.findall(r"^[a-z](?:.*\\\n)*.*\n", lock, re.MULTILINE)
    return {entry.partition("==")[0]: entry for entry in found}


def layer_lock(names: tuple[str, ...], locked: dict[str, str]) -> str:
    """The lock of one layer. Lambda runs CPython: markers that ask for it go."""
    text = "".join(locked[name] for name in names)
    return re.sub(r" ; (platform_python_implementation|implementation_name)[^\\\n]*?(?= \\\n|\n)", "", text)


if __name__ == "__main__":
    locked = entries((ROOT / "requirements" / "run.txt").read_text())
    for layer, names in LAYERS.items():
        (ROOT / "requirements" / "layers" / f"{layer}.txt").write_text(layer_lock(names, locked))
