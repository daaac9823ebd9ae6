"""The guide to webhooks, typed."""

from collections.abc import Callable
from pathlib import Path

from tests.documents import Terminal
from tests.running import ROOT, House


def test_the_guide_to_webhooks_shows_what_happens(new_house: Callable[..., House], tmp_path: Path) -> None:
    """A delivery is refused and comes again, and the inbox tells of both."""
    folder = tmp_path / "reader"
    folder.mkdir()
    Terminal(new_house().up(), folder).read(ROOT / "docs" / "guides" / "webhooks.md")
