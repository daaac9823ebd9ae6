"""The rules' page says what the rules say."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "lint_reference.py"


def test_the_committed_page_is_what_the_rules_render() -> None:
    spec = importlib.util.spec_from_file_location("lint_reference", SCRIPT)
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text("utf-8") == script.page(), "run: python scripts/lint_reference.py"
