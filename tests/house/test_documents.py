"""What the documents show is code that works, and what is rendered is fresh."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

import lamppost
from scripts import reference
from tests.documents import Block, blocks, pages
from tests.running import ROOT

BLOCKS = [
    pytest.param(page, block, id=f"{page.name}:{block.line}") for page in pages() for block in blocks(page)
]


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_a_block_is_checked_or_says_why_not(page: Path, block: Block) -> None:
    """Consoles are typed by a story; Python compiles and names what exists; the rest is plain text."""
    if block.language in ("sh", "bash", "shell"):
        pytest.fail(f"{page.name}:{block.line} show commands as `console`, so that they are typed")
    if block.marker.startswith("not run"):
        assert len(block.marker) > len("not run: ") + 10, "say why"
    if block.language == "python":
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom) and node.module == "lamppost":
                assert {name.name for name in node.names} <= set(lamppost.__all__)


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_reference_is_as_the_code(name: str) -> None:
    """`make docs` writes it; this fails when it was forgotten."""
    assert (reference.REFERENCE / name).read_text() == reference.PAGES[name](), "run: make docs"


def test_every_code_is_explained() -> None:
    """A second, simpler reading of the source finds no code that the page lacks."""
    source = "\n".join(
        path.read_text()
        for folder in ("src/lamppost", "services")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.relative_to(ROOT).as_posix().startswith(reference._AWS)
    )
    keyword = re.findall(r"""\bcode ?= ?["']([A-Za-z_]+)["']""", source)
    refusal = re.findall(r"""CallerError\(\s*\d+,\s*["']([A-Za-z_]+)["']""", source)
    field = re.findall(r"""\binvalid\(\s*[\w."']+,\s*["']([A-Za-z_]+)["']""", source)
    absent = re.findall(r"""not_found\(\s*["']([A-Za-z_]+)["']""", source)
    explained = set(re.findall(r"^## (\w+)$", (reference.REFERENCE / "errors.md").read_text(), re.MULTILINE))

    assert set(keyword + refusal + field + absent) - explained == set()


def test_a_link_leads_somewhere() -> None:
    """Every relative link of a page written by hand is a file that is there."""
    lost = []
    for page in [*pages(), *sorted((ROOT / "docs" / "decisions").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                lost.append(f"{page.name}: {target}")
    assert lost == []


def test_a_path_in_the_tour_is_a_file() -> None:
    """The tour names each step's file; below one heading of the house the first part may be left out."""
    tour = (ROOT / "docs" / "tour.md").read_text()
    places = [ROOT, ROOT / "src/lamppost", ROOT / "src/lamppost/local", ROOT / "services/birthday"]
    named = re.findall(r"`([\w/.]+(?:\.py|/))`", tour)
    assert [path for path in named if not any((place / path).exists() for place in places)] == []


def test_a_decision_has_its_four_parts() -> None:
    """Situation, Decision, Price, Look again when."""
    for page in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
        assert headings == ["Situation", "Decision", "Price", "Look again when"], page.name


def test_make_lists_its_targets() -> None:
    """Plain `make` is the table of contents: every target is in it."""
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [target for target in targets if target != "help" and f"make {target}" not in listed] == []
