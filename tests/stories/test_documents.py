"""The pages are typed into a terminal, as a reader would: what they show is what happens."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.documents import Terminal, blocks
from tests.running import ROOT, House, until


def test_the_readme_shows_what_happens(new_house: Callable[..., House], tmp_path: Path) -> None:
    """Ada is registered, the clock is set, the inbox has her greeting."""
    folder = tmp_path / "reader"
    folder.mkdir()
    Terminal(new_house().up(), folder).read(ROOT / "README.md")


def test_the_guide_for_operators_shows_what_happens(new_house: Callable[..., House], tmp_path: Path) -> None:
    """Status, clock, settings, dead letters, databases, and the aws command."""
    folder = tmp_path / "reader"
    folder.mkdir()
    shutil.copytree(ROOT / "services", folder / "services")
    Terminal(new_house().up(), folder).read(ROOT / "docs" / "guides" / "operate.md")


def test_the_guide_to_contracts_shows_what_happens(new_house: Callable[..., House], tmp_path: Path) -> None:
    """Routes, a document in a file, and the one of the running system."""
    folder = tmp_path / "reader"
    folder.mkdir()
    shutil.copytree(ROOT / "services", folder / "services")
    Terminal(new_house().up(), folder).read(ROOT / "docs" / "guides" / "openapi.md")


def test_the_service_of_the_guide_works(new_house: Callable[..., House], tmp_path: Path) -> None:
    """Its files are saved while the system runs, in the order of the page; then it is used as shown."""
    folder = tmp_path / "repository"
    (folder / "services").mkdir(parents=True)
    (folder / "services" / "__init__.py").touch()
    shutil.copytree(ROOT / "services" / "barkbase", folder / "services" / "barkbase")
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    house = new_house(root=folder).up()
    page = ROOT / "docs" / "guides" / "write-a-service.md"

    for block in blocks(page):
        if block.marker.startswith("file: "):
            path = folder / block.marker.removeprefix("file: ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
    until(lambda: "notes" in house.run("status")["running"]["apis"])

    Terminal(house, folder).read(page)
