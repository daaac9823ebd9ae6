"""A small repository to pack, and Lambda's folders to unpack in."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

from lamppost.derive.manifest import Manifest, read
from lamppost.local.description import Description
from lamppost.pack import plan
from lamppost.pack.plan import Plan, System
from lamppost.pack.target import Target
from lamppost.pack.wheels import default_store
from lamppost.pack.zips import unzipped
from tests.running import ROOT

# This machine's own: what is packed for it can be run here.
HERE = Target(
    python=f"{sys.version_info.major}.{sys.version_info.minor}",
    machine="aarch64" if platform.machine() in ("aarch64", "arm64") else "x86_64",
    glibc=(2, 36),
)

SERVICE = """
from lamppost import Database, Function, Route, Service
from services.{name} import front

service = Service(
    name="{name}",
    database=Database("{name}", secret="{name}/credentials"),
    functions=(Function(name="front", routes=(Route("GET /hello", front.hello),)),),
)
"""
FRONT = """
from services.{name}.words import GREETING

def hello() -> dict[str, str]:
    return {{"says": GREETING}}
"""
MIGRATOR = """
from lamppost import Function, Service
from services.migrator import run

service = Service(name="migrator", functions=(Function(name="migrator", handler=run.handle, migrates=True),))
"""
RUN = """
from lamppost.migrate.stage import Stage

def handle(event: object, ctx: object) -> int:
    return len(Stage.here().places())
"""


class Repository:
    """The services cats and dogs, and their migrator."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "requirements" / "layers", root / "requirements" / "layers")
        for name in ("cats", "dogs"):
            self.write(f"{name}/service.py", SERVICE.format(name=name))
            self.write(f"{name}/front.py", FRONT.format(name=name))
            self.write(f"{name}/words.py", f'GREETING = "{name}"\n')
            self.write(f"{name}/unused.py", "import nothing_that_exists\n")
            self.write(f"{name}/README.md", "For people.\n")
            self.write(f"{name}/kinds.json", "[]")
            self.write(
                f"{name}/migrations/2025-01-01T0000__{name}__init.sql", f"create table {name}.a (id int);"
            )
        self.write("migrator/service.py", MIGRATOR)
        self.write("migrator/run.py", RUN)

    def write(self, path: str, text: str) -> None:
        """Write a file below services/."""
        file = self.root / "services" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def manifest(self) -> Manifest:
        """What the services declare, asked in a process of its own."""
        return Description(self.root, self.root / ".data").read().manifest

    def plan(self, target: Target = HERE, *, must_compile: bool = True) -> System:
        """What would be packed."""
        return plan.plan(
            self.root, self.manifest(), store=wheel_store(), target=target, must_compile=must_compile
        )

    def service(self, name: str) -> Plan:
        """The plan of one service's zip."""
        return next(one for one in self.plan().plans if one.name == name)

    def digests(self) -> dict[str, str]:
        """Each asset's digest."""
        return {one.name: one.digest for one in self.plan().plans}


def wheel_store() -> Path:
    """Where wheels are kept between test runs."""
    home = default_store()
    assert home is not None
    return home


def unpack(archive: Path, folder: Path) -> None:
    """Unpack as Lambda does: into a folder that may hold the files of another layer."""
    for name, content in unzipped(archive.read_bytes()).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def package_store() -> Path:
    """Where zips are kept between test runs: their names are digests of what is in them."""
    return wheel_store().with_name("packages")


def repository_manifest() -> Manifest:
    """What the services of this repository declare."""
    return read(subprocess.check_output([sys.executable, "-m", "lamppost.pack.discover", ROOT], cwd=ROOT))
