"""The page for whoever is on call is typed into a terminal: what it shows is what happens."""

from collections.abc import Callable
from pathlib import Path

from tests.documents import Terminal
from tests.running import ROOT, House


def test_the_guide_to_deliveries_shows_what_happens(new_house: Callable[..., House], tmp_path: Path) -> None:
    """A webhook fails; looked at, replayed, paused, explained."""
    folder = tmp_path / "reader"
    folder.mkdir()
    Terminal(new_house().up(), folder).read(ROOT / "docs" / "guides" / "deliveries.md")
