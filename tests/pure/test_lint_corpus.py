"""Every case of the corpus that files alone decide: what is unsafe is stopped, what is safe may go."""

from pathlib import Path

import pytest

from tests.lint_corpus import Case, blocking, corpus, needs_catalog

CASES = corpus()


@pytest.mark.parametrize("case", [case for case in CASES if not needs_catalog(case)], ids=lambda c: c["name"])
def test_the_verdict_is_the_right_one(case: Case, tmp_path: Path) -> None:
    found = blocking(case, tmp_path)
    assert bool(found) == case["unsafe"], (case["why"], [finding.message for finding in found])


def test_a_case_is_named_once_and_says_why() -> None:
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names)
    assert all(case["why"] for case in CASES)
