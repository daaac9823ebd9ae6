"""`lamppost new service`: what it writes passes every check, and runs at once."""

import json
import shutil
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamppost.cli import scaffold
from lamppost.errors import AuthorError
from tests.repository import copied
from tests.running import LAMPPOST, ROOT, House, until

BIN = Path(sys.executable).parent
LONG = "a" * 30


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of this repository, as far as checks look at it."""
    folder = copied(tmp_path / "repository")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "src").symlink_to(ROOT / "src")
    (folder / "tests" / "database").mkdir(parents=True)
    return folder


def new(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [LAMPPOST, "new", "service", *arguments], cwd=root, capture_output=True, text=True, check=False
    )


def made(root: Path, *arguments: str) -> Any:
    done = new(root, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def passes(root: Path, *command: str) -> None:
    tool, *rest = command
    done = subprocess.run(
        [BIN / tool, *rest], cwd=root, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def everything(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_a_new_service_passes_every_check(root: Path) -> None:
    told = made(root, "lamps")
    assert told["kept_apart"]
    assert [file for file in told["files"] if not (root / file).is_file()] == []
    for name in ("b", LONG):
        made(root, name, "--database", "app")
    ours = [f"services/{name}" for name in ("lamps", "b", LONG)]
    tests = [f"tests/database/test_{name}.py" for name in ("lamps", "b", LONG)]
    passes(root, "ruff", "check", "--no-cache", *ours, *tests)
    passes(root, "ruff", "format", "--check", "--no-cache", *ours, *tests)
    passes(root, "mypy", *ours, *tests)
    passes(root, "lint-imports", "--no-cache")
    passes(root, "lamppost", "migrate", "lint", *(f"{folder}/migrations" for folder in ours))
    passes(root, "pytest", "-q", "-p", "no:cacheprovider", "-p", "lamppost.testing.plugin", *tests)


def test_a_new_service_is_kept_apart_from_the_others(root: Path) -> None:
    before = tomllib.loads((root / "pyproject.toml").read_text())
    made(root, "lamps")
    after = tomllib.loads((root / "pyproject.toml").read_text())
    apart = [each for each in after["tool"]["importlinter"]["contracts"] if each["type"] == "independence"]
    assert "services.lamps" in apart[0]["modules"]
    apart[0]["modules"].remove("services.lamps")
    assert after == before
    # It is not only listed: who imports a neighbour is found.
    with (root / "services" / "lamps" / "api.py").open("a") as file:
        file.write("\nfrom services.users import rules as rules\n")
    with pytest.raises(AssertionError, match=r"services\.lamps"):
        passes(root, "lint-imports", "--no-cache")


def test_a_contract_written_in_a_way_of_its_own_is_left_alone() -> None:
    listed = 'type = "independence"\nmodules = ["services.a"]\n'
    assert scaffold.with_contract(listed, "b") == (
        'type = "independence"\nmodules = [\n    "services.a",\n    "services.b",\n]\n'
    )
    for other in ("", 'type = "layers"\nmodules = ["services.a"]\n', 'type = "independence"\nmodules = []\n'):
        assert scaffold.with_contract(other, "b") is None
    for entry in ("'services.a'", '"services.a", # of old', '"services.*"'):
        assert scaffold.with_contract(listed.replace('"services.a"', entry), "b") is None


def test_a_running_system_serves_a_new_service_at_once(root: Path, new_house: Callable[..., House]) -> None:
    house = new_house(root=root).up()
    made(root, "lamps")
    until(lambda: "lamps" in house.run("status")["running"]["apis"])
    house.running = house.run("status")["running"]
    token = house.run("token", "--as", "ada", "--service", "lamps", "--json")["token"]
    ada = {"authorization": f"Bearer {token}", "idempotency-key": str(uuid.uuid4())}
    item = house.ask("POST", "/items", {"title": "A lamp"}, ada, api="lamps")
    assert item.status == 201, item.body
    place = f"/items/{item.json['id']}"
    assert house.ask("GET", place, headers=ada, api="lamps").json == item.json
    other = house.run("token", "--as", "eve", "--service", "lamps", "--json")["token"]
    eve = {"authorization": f"Bearer {other}"}
    assert house.ask("GET", place, headers=eve, api="lamps").status == 404
    assert house.ask("GET", place, api="lamps").status == 401


def test_a_service_of_a_database_that_is_there_shares_its_secret(root: Path) -> None:
    made(root, "lamps", "--database", "bday")
    assert 'secret="bday/db-credentials"' in (root / "services/lamps/service.py").read_text()
    made(root, "lanterns")
    text = (root / "services/lanterns/service.py").read_text()
    assert 'secret="lanterns/{env}/postgres/credentials"' in text


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("birthday",), "service_exists"), (("Lamps",), "service_name"), (("lamp-post",), "service_name"),
        (("../lamps",), "service_name"), (("a" * 31,), "service_name"), (("1a",), "service_name"),
        (("",), "service_name"), (("class",), "service_name"), (("user",), "service_name"),
        (("order",), "service_name"), (("lamppost",), "service_name"), (("public",), "service_name"),
        (("lamps", "--database", "postgres"), "author"), (("lamps", "--database", "a b"), "author"),
    ],
)  # fmt: skip
def test_what_is_no_name_or_taken_is_refused_and_nothing_is_written(
    root: Path, arguments: tuple[str, ...], code: str
) -> None:
    before = everything(root)
    done = new(root, *arguments)
    assert (done.returncode, json.loads(done.stderr)["code"]) == (1, code)
    assert everything(root) == before


def test_a_test_of_that_name_is_not_overwritten(root: Path) -> None:
    (root / "tests/database/test_lamps.py").write_text("# mine\n")
    before = everything(root)
    assert json.loads(new(root, "lamps").stderr)["code"] == "service_exists"
    assert everything(root) == before


def test_an_empty_folder_is_enough_to_begin_in(tmp_path: Path) -> None:
    told = made(tmp_path, "lamps")
    assert (told["database"], told["kept_apart"]) == ("lamps", False)
    assert (tmp_path / "tests/test_lamps.py").is_file()
    assert (tmp_path / "services/__init__.py").is_file()


def test_a_service_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "services" / "lamps"
    folder.mkdir(parents=True)
    with pytest.raises(FileExistsError):
        scaffold.place(folder, {"service.py": "", "migrations/a.sql": ""})
    assert sorted(tmp_path.rglob("*")) == [folder.parent, folder]


def test_names_that_sql_takes_are_taken() -> None:
    for name in ("orders", "users", "lamps", "a1"):
        scaffold.check_name(name)
    for name in ("table", "select", "group", "end", "analyze"):
        with pytest.raises(AuthorError):
            scaffold.check_name(name)
