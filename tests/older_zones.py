"""An older release of the tz database, as a package that a process of its own can be started with."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from tests.running import ROOT

RELEASE = "2023d"
ZONES = ("Asia/Almaty", "America/Asuncion")


def install(folder: Path) -> str:
    """Put a `tzdata` there that has our two zones as they were; what PYTHONPATH must begin with."""
    with as_file(files("tzdata")) as installed:
        shutil.copytree(installed, folder / "tzdata", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tzdata" / "__init__.py").write_text(f'IANA_VERSION = "{RELEASE}"\n')
    for zone in ZONES:
        shutil.copyfile(ROOT / "tests" / "data" / "zones" / zone, folder / "tzdata" / "zoneinfo" / zone)
    return str(folder)
