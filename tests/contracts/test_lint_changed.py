"""`lamppost migrate lint --changed`: what a branch adds, and what it does to files that are merged."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent / "lamppost"
OLD = "2026-01-01T0900__shop__a.sql"
OTHER = "2026-01-02T0900__shop__b.sql"
NEW = "2026-01-03T0900__shop__c.sql"


class Checkout:
    """A repository with two merged migrations on main, and a branch `work` that left it."""

    def __init__(self, root: Path) -> None:
        self.root = root / "repository"
        self.folder = self.root / "services" / "shop" / "migrations"
        self.folder.mkdir(parents=True)
        (self.folder.parent / "service.py").touch()
        home = root / "home"
        home.mkdir()
        # Neither the settings of whoever runs the tests nor the hook that may run them.
        ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        self.environment = {
            **ours,
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "somebody")
        self.git("config", "user.email", "somebody@example.com")
        self.write(OLD, "create table shop.things (id bigint primary key);\n")
        self.write(OTHER, "drop table shop.old;\n")
        self.commit()
        self.git("checkout", "-q", "-b", "work")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "work")

    def run(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN), "migrate", "lint", *words],
            cwd=cwd or self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def lint(self, *words: str) -> dict[str, Any]:
        done = self.run("services", "--json", *(words or ("--changed",)))
        assert done.returncode in {0, 1}, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def found(self, *words: str) -> list[tuple[str, str]]:
        return [(Path(f["file"]).name, f["rule"]) for f in self.lint(*words)["findings"]]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def names(report: dict[str, Any]) -> list[str]:
    return [Path(file).name for file in report["files"]]


def test_a_branch_that_changes_nothing_has_nothing_to_lint(checkout: Checkout) -> None:
    assert checkout.lint() == {"files": [], "findings": [], "verdict": "pass"}


@pytest.mark.parametrize("how", ["untracked", "staged", "committed"])
def test_only_what_the_branch_adds_is_judged(checkout: Checkout, how: str) -> None:
    checkout.write(NEW, "truncate shop.things;\n")
    if how != "untracked":
        checkout.git("add", "-A")
    if how == "committed":
        checkout.commit()
    report = checkout.lint()
    assert names(report) == [NEW]
    assert [finding["rule"] for finding in report["findings"]] == ["truncate"]


def test_what_is_merged_counts_as_earlier_files(checkout: Checkout) -> None:
    checkout.git("checkout", "-q", "main")
    checkout.write(OTHER, "alter table shop.things add constraint c check (id is not null);\n")
    checkout.commit()
    checkout.git("checkout", "-q", "-b", "more")
    checkout.write(NEW, "alter table shop.things alter column id set not null;\n")
    assert checkout.found() == []
    (checkout.folder / OLD).unlink()
    (checkout.folder / OTHER).unlink()
    assert (NEW, "set-not-null-scans") in checkout.found()


def test_it_says_what_it_compared_with(checkout: Checkout) -> None:
    left = checkout.git("rev-parse", "main")[:10]
    assert checkout.run(".", "--changed").stderr == f"changed since {left}, where this left main\n"


def test_a_merged_file_is_not_edited_not_even_its_comments(checkout: Checkout) -> None:
    checkout.write(OLD, "-- why\ncreate table shop.things (id bigint primary key);\n")
    assert checkout.found() == [(OLD, "merged-file-edited")]
    checkout.commit()
    assert checkout.found() == [(OLD, "merged-file-edited")]


def test_a_merged_file_is_not_deleted(checkout: Checkout) -> None:
    (checkout.folder / OLD).unlink()
    report = checkout.lint()
    [finding] = report["findings"]
    assert (Path(finding["file"]).name, finding["rule"], report["files"]) == (OLD, "merged-file-edited", [])
    assert "deleted" in finding["message"]


def test_a_merged_file_is_not_renamed(checkout: Checkout) -> None:
    checkout.git("mv", f"services/shop/migrations/{OLD}", f"services/shop/migrations/{NEW}")
    assert checkout.found() == [(OLD, "merged-file-edited")]


def test_a_file_that_left_the_index_and_still_lies_there_is_edited(checkout: Checkout) -> None:
    checkout.git("rm", "-q", "--cached", f"services/shop/migrations/{OLD}")
    report = checkout.lint()
    assert names(report) == [OLD]
    assert [finding["rule"] for finding in report["findings"]] == ["merged-file-edited"]
    assert "edited" in report["findings"][0]["message"]


def test_a_new_file_comes_after_all_merged_ones_of_its_service(checkout: Checkout) -> None:
    checkout.write("2026-01-01T1200__shop__late.sql", "create table shop.more (id bigint primary key);\n")
    checkout.write(NEW, "create table shop.most (id bigint primary key);\n")
    assert checkout.found() == [("2026-01-01T1200__shop__late.sql", "late-file")]


def test_what_others_merged_meanwhile_makes_a_file_late_and_is_not_ours_to_delete(checkout: Checkout) -> None:
    checkout.write(NEW, "create table shop.most (id bigint primary key);\n")
    checkout.commit()
    checkout.git("checkout", "-q", "main")
    checkout.write("2026-02-01T0900__shop__theirs.sql", "create table shop.theirs (id bigint primary key);\n")
    checkout.commit()
    checkout.git("checkout", "-q", "work")
    assert checkout.found() == [(NEW, "late-file")]


def test_another_service_may_be_ahead(checkout: Checkout) -> None:
    place = checkout.root / "services" / "users" / "migrations"
    place.mkdir(parents=True)
    (place.parent / "service.py").touch()
    (place / "2026-01-01T0901__users__a.sql").write_text(
        "create table users.people (id bigint primary key);\n"
    )
    assert checkout.found() == []


def test_the_branch_it_follows_comes_before_main_and_where_it_is_pushed_to_does_not(
    checkout: Checkout,
) -> None:
    checkout.git("checkout", "-q", "-b", "release")
    checkout.write(NEW, "create table shop.most (id bigint primary key);\n")
    checkout.commit()
    checkout.git("update-ref", "refs/remotes/origin/release", "release")
    checkout.git("update-ref", "refs/remotes/origin/more", "release")
    checkout.git("remote", "add", "origin", str(checkout.root))
    checkout.git("checkout", "-q", "-b", "more")
    checkout.git("branch", "-q", "--set-upstream-to", "origin/release")
    assert "where this left origin/release" in checkout.run(".", "--changed").stderr
    checkout.git("branch", "-q", "--set-upstream-to", "origin/more")
    assert "where this left main" in checkout.run(".", "--changed").stderr


def test_a_base_can_be_named(checkout: Checkout) -> None:
    checkout.write(NEW, "create table shop.most (id bigint primary key);\n")
    checkout.commit()
    assert names(checkout.lint("--changed=HEAD")) == []
    assert names(checkout.lint("--changed=HEAD~1")) == [NEW]


@pytest.mark.parametrize("base", ["nowhere", "--output=x", "HEAD:services"])
def test_an_unknown_base_is_refused(checkout: Checkout, base: str) -> None:
    done = checkout.run(".", f"--changed={base}")
    assert (done.returncode, json.loads(done.stderr)["code"]) == (2, "lint_base")


def test_a_base_without_common_history_is_refused(checkout: Checkout) -> None:
    checkout.git("checkout", "-q", "--orphan", "island")
    checkout.write(NEW, "create table shop.most (id bigint primary key);\n")
    checkout.commit()
    done = checkout.run(".", "--changed=main")
    assert (done.returncode, json.loads(done.stderr)["code"]) == (2, "lint_base")


def test_outside_git_it_says_so(tmp_path: Path, checkout: Checkout) -> None:
    (tmp_path / "loose").mkdir()
    done = checkout.run(str(tmp_path / "loose"), "--changed")
    assert (done.returncode, json.loads(done.stderr)["code"]) == (2, "lint_git")


def test_a_hook_that_runs_in_a_folder_below_finds_the_repository(checkout: Checkout) -> None:
    checkout.write(NEW, "truncate shop.things;\n")
    checkout.environment |= {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/next-index-1.lock"}
    done = checkout.run(".", "--changed", "--json", cwd=checkout.folder)
    assert json.loads(done.stdout)["files"] == [NEW]


def test_names_of_any_letters_are_understood(checkout: Checkout) -> None:
    checkout.write("[grüße] x.sql", "truncate shop.things;\n")
    assert names(checkout.lint()) == ["[grüße] x.sql"]
    done = checkout.run("[grüße] x.sql", "--changed", "--json", cwd=checkout.folder)
    assert json.loads(done.stdout)["files"] == ["[grüße] x.sql"]
