"""GitHub's workflows: with the rights that they need, from sources that cannot change, typing what exists."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cloud.gates.tools import tool
from tests.running import LAMPPOST, ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
EVERYTHING = [*WORKFLOWS, *sorted(GITHUB.glob("actions/*/action.yml"))]
# The whole hash of a commit, and for people the version that it is.
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\$/\.github/[\w./-]+")
# A branch of this repository is ours, a fork's is not.
OURS = "github.event.pull_request.head.repo.full_name == github.repository"


def named(path: Path) -> str:
    """What a test calls it."""
    return path.parent.name if path.name == "action.yml" else path.stem


def read(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return found


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(path)["jobs"]
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    body = read(path)
    for job in body.get("jobs", {"": body.get("runs", {})}).values():
        yield from job.get("steps", ())


def zizmor(folder: Path) -> set[str]:
    """What it finds, with its strictest eyes and without the internet."""
    done = subprocess.run(
        [tool("zizmor"), "--offline", "--persona", "auditor", "--format", "json", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    return {each["ident"] for each in json.loads(done.stdout)}


def test_zizmor_finds_nothing() -> None:
    assert not zizmor(GITHUB)


@pytest.mark.parametrize(
    ("file", "right", "wrong", "rule"),
    [
        ("test.yml", "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "unpinned-uses"),
        ("test.yml", "persist-credentials: false", "persist-credentials: true", "artipacked"),
        ("test.yml", "  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
        ("deploy.yml", "permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("preview.yml", '"$NUMBER" --ttl', '"${{ github.head_ref }}" --ttl', "template-injection"),
        ("deploy.yml", "    with:\n", "    secrets: inherit\n    with:\n", "secrets-inherit"),
    ],
)  # fmt: skip
def test_zizmor_sees_what_it_is_there_for(
    tmp_path: Path, file: str, right: str, wrong: str, rule: str
) -> None:
    shutil.copytree(GITHUB, tmp_path / ".github")
    changed = tmp_path / ".github" / "workflows" / file
    assert right in changed.read_text()
    changed.write_text(changed.read_text().replace(right, wrong))
    assert rule in zizmor(tmp_path / ".github")


@pytest.mark.parametrize("path", EVERYTHING, ids=named)
def test_what_others_wrote_is_one_commit_with_its_version_beside_it(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text())
    assert all(PINNED.fullmatch(each) for each in used), used


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_a_job_may_do_what_it_needs_and_ends(path: Path) -> None:
    body = read(path)
    assert body["permissions"] in ({}, {"contents": "read"})
    assert body["concurrency"]["group"]
    for name, job in jobs(path).items():
        assert {"contents": "write", "actions": "write"}.items().isdisjoint(
            job.get("permissions", {}).items()
        )
        assert job.get("timeout-minutes", 0) > 0 or "uses" in job, name


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_whoever_becomes_a_role_has_an_environment_that_guards_it(path: Path) -> None:
    for job in jobs(path).values():
        if any(step.get("uses") == "$/.github/actions/aws" for step in job.get("steps", ())):
            assert job["permissions"] == {"contents": "read", "id-token": "write"}
            assert job["environment"]
            # An hour of the role, less the time that installing takes.
            assert job["timeout-minutes"] < 60


def test_a_forks_code_never_meets_a_role() -> None:
    previews = jobs(GITHUB / "workflows" / "preview.yml")
    assert all(OURS in job["if"] for name, job in previews.items() if name != "tell")
    # It comments, so it has a right: then it runs nothing of the branch.
    assert not any("uses" in step for step in previews["tell"]["steps"])


def test_prod_comes_behind_staging_dev_and_every_test() -> None:
    deploy = jobs(GITHUB / "workflows" / "deploy.yml")
    assert [deploy[each]["needs"] for each in ("dev", "staging", "prod")] == ["test", "dev", "staging"]
    # One approves an environment, and only a job of that name can have its role.
    assert jobs(GITHUB / "workflows" / "stage.yml")["deploy"]["environment"] == "${{ inputs.stage }}"


def typed() -> Iterator[tuple[str, list[str]]]:
    """Each command line of `lamppost` and `make`, with its words."""
    for path in EVERYTHING:
        for step in steps(path):
            for line in str(step.get("run", "")).splitlines():
                if re.match(r"(\.venv/bin/)?(lamppost|make) ", line):
                    yield f"{named(path)}: {line}", shlex.split(line)


@pytest.mark.parametrize(("line", "words"), [pytest.param(*each, id=each[0]) for each in typed()])
def test_it_types_commands_that_there_are(line: str, words: list[str]) -> None:
    if words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(), line
        return
    command = [word for word in words[1:3] if word.isalpha()]
    page = subprocess.run([LAMPPOST, *command, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(word.partition("=")[0] in page for word in words if word.startswith("--")), line


def test_what_is_compiled_for_functions_is_compiled_by_their_python() -> None:
    setup = next(step for step in steps(GITHUB / "actions" / "aws" / "action.yml") if "with" in step)
    minor = setup["with"]["python-version"].replace(".", "_")
    assert f"PYTHON_{minor}" in (ROOT / "src" / "lamppost" / "cloud" / "shared.py").read_text()
