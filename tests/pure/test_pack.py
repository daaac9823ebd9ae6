"""What is shipped of a service: what its functions reach, the same bytes everywhere, and nothing else."""

import marshal
import subprocess
import sys
from pathlib import Path

import pytest

from lamppost.derive.manifest import read
from lamppost.errors import AuthorError, OperatorError
from lamppost.pack.assets import make
from lamppost.pack.bytecode import compiled
from lamppost.pack.target import LAMBDA, Target, find_interpreter
from lamppost.pack.zips import unzipped, zipped
from tests.packing import Repository, unpack


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "here")


def shipped(repository, name="cats"):
    return set(repository.service(name).fill())


def test_a_package_holds_what_its_functions_reach(repository):
    assert shipped(repository) == {
        "lamppost.json",
        "services/cats/front.py",
        "services/cats/kinds.json",
        "services/cats/words.py",
    }


def test_a_module_is_shipped_however_it_is_imported(repository):
    ways = ("import services.cats.one", "from services.cats import two", "from .three import GREETING")
    repository.write("cats/words.py", "\n".join((*ways, "from . import four")))
    for name in ("one", "two", "three", "four"):
        repository.write(f"cats/{name}.py", 'GREETING = "cats"\n')
    assert {f"services/cats/{name}.py" for name in ("one", "two", "three", "four")} <= shipped(repository)


def test_a_package_declares_its_own_service_only(repository):
    manifest = read(repository.service("cats").fill()["lamppost.json"])
    assert [service.name for service in manifest.services] == ["cats"]


def test_the_migrators_package_holds_every_services_migrations(repository):
    files = repository.service("migrator").fill()
    assert {name for name in files if name.endswith(".sql")} == {
        "services/cats/migrations/2025-01-01T0000__cats__init.sql",
        "services/dogs/migrations/2025-01-01T0000__dogs__init.sql",
    }
    services = read(files["lamppost.json"]).services
    assert {service.name: service.database and service.database.name for service in services} == {
        "migrator": None,
        "cats": "cats",
        "dogs": "dogs",
    }


@pytest.mark.parametrize(
    ("edited", "text"),
    [
        ("cats/words.py", 'GREETING = "miaow"\n'),
        ("cats/kinds.json", '["tabby"]'),
        ("cats/service.py", 'about="purrs",\n    functions=('),
    ],
)
def test_editing_one_service_changes_exactly_one_asset(repository, edited, text):
    before = repository.digests()
    if edited.endswith("service.py"):
        text = (repository.root / "services" / edited).read_text().replace("functions=(", text, 1)
    repository.write(edited, text)
    after = repository.digests()
    assert {name for name in before if before[name] != after[name]} == {"cats"}


def test_a_new_migration_changes_the_migrator_and_no_service(repository):
    before = repository.digests()
    repository.write("cats/migrations/2025-01-02T0000__cats__more.sql", "create table cats.b (id int);")
    after = repository.digests()
    assert {name for name in before if before[name] != after[name]} == {"migrator"}


def test_what_nothing_ships_changes_no_asset(repository):
    before = repository.digests()
    repository.write("cats/unused.py", "import another\n")
    repository.write("cats/README.md", "For other people.\n")
    repository.write("cats/tests/people.json", "[]")
    repository.write("cats/.env", "PASSWORD=x")
    repository.write("cats/kinds.json~", "[]")
    repository.write("cats/__pycache__/words.cpython-313.pyc", "stale")
    assert repository.digests() == before


def test_a_private_key_is_not_shipped(repository):
    repository.write("cats/certificates/own.pem", "-----BEGIN RSA PRIVATE KEY-----\n")
    with pytest.raises(AuthorError) as refusal:
        repository.plan()
    assert refusal.value.code == "pack_secret"
    assert "own.pem" in refusal.value.what


def test_a_module_that_lambdas_python_has_lost_is_refused(repository):
    # Without that Python this one's modules are asked, which has lost others.
    lost = "binhex" if find_interpreter(LAMBDA) is None else "cgi"
    repository.write("cats/words.py", f'import {lost}\nGREETING = "cats"\n')
    with pytest.raises(AuthorError, match=f"imports {lost}, which is in no layer"):
        repository.plan(LAMBDA)


def test_two_folders_give_the_same_bytes(repository, tmp_path):
    elsewhere = Repository(tmp_path / "there" / "deeper")
    for name in ("cats", "migrator"):
        one = make(repository.service(name), tmp_path / "one")
        two = make(elsewhere.service(name), tmp_path / "two")
        assert (one.digest, one.path.read_bytes()) == (two.digest, two.path.read_bytes())


def test_a_zip_does_not_know_the_order_its_files_were_found_in():
    files = {"b.py": b"2", "a.py": b"1" * 100}
    assert zipped(files) == zipped(dict(reversed(files.items())))


def test_byte_code_is_believed_without_a_look_at_its_source(repository, tmp_path):
    asset = make(repository.service("cats"), tmp_path)
    unpack(asset.path, tmp_path / "task")
    # Lambda unpacks with other times, which would void byte code of the common kind.
    (tmp_path / "task/services/cats/words.py").write_text("raise SystemExit('compiled anew')\n")
    said = subprocess.run(
        [sys.executable, "-B", "-c", "from services.cats import front; print(front.hello())"],
        cwd=tmp_path / "task", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (said.stdout, said.stderr) == ("{'says': 'cats'}\n", "")


def test_byte_code_names_the_place_on_lambda(repository, tmp_path):
    files = unzipped(make(repository.service("cats"), tmp_path).path.read_bytes())
    byte_code = files[f"services/cats/__pycache__/front.{sys.implementation.cache_tag}.pyc"]
    assert marshal.loads(byte_code[16:]).co_filename == "/var/task/services/cats/front.py"


def test_an_asset_that_exists_is_not_made_again(repository, tmp_path):
    made = make(repository.service("cats"), tmp_path)
    made.path.write_bytes(zipped({"left": b"alone"}))
    assert make(repository.service("cats"), tmp_path).files == 1


def test_half_a_zip_is_made_again(repository, tmp_path):
    made = make(repository.service("cats"), tmp_path)
    whole = made.path.read_bytes()
    made.path.write_bytes(whole[: len(whole) // 2])
    assert make(repository.service("cats"), tmp_path) == made
    assert made.path.read_bytes() == whole


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("import requests", "services.cats.words line 1 imports requests, which is in no layer"),
        ("import services.dogs.words", "cats.front imports services.dogs.words, another service's module"),
        ("import lamppost.local.nowhere", "which does not exist"),
        ("import lamppost.local.gateway", "which stays on the author's machine"),
        ("from importlib import import_module\nimport_module('a' + 'b')", "put together while it runs"),
        ("def later():\n    import requests", "line 2 imports requests, which is in no layer"),
        ("from . import nothing", None),
        ("from .kittens import size", "imports services.cats.kittens, which does not exist"),
        ("import botocore.session", None),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import requests", None),
    ],
)
def test_an_import_that_would_fail_on_lambda_fails_here(repository, line, sentence):
    manifest = repository.manifest()
    repository.manifest = lambda: manifest
    repository.write("cats/words.py", f'{line}\nGREETING = "cats"\n')
    if sentence is None:
        repository.plan()
        return
    with pytest.raises(AuthorError) as refusal:
        repository.plan()
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "layers"),
    [
        ("import lamppost.delivery.sending", ("db-layer", "http-out")),
        ("import lamppost.delivery.ed25519", ("db-layer", "tokens")),
        ("from lamppost import minutes", ("db-layer",)),
        ("from lamppost.db import get_pool", ("db-layer",)),
    ],
)
def test_a_function_is_given_the_layers_that_it_reaches(repository, line, layers):
    repository.write("cats/words.py", f'{line}\nGREETING = "cats"\n')
    functions = repository.plan().functions
    assert functions["cats.front"] == layers
    assert functions["dogs.front"] == ("db-layer",)
    assert functions["migrator.migrator"] == ("db-layer", "migrate")


def test_without_the_targets_python_nothing_goes_to_production(repository):
    unheard_of = Target(python="3.99")
    with pytest.raises(OperatorError) as refusal:
        repository.plan(unheard_of)
    assert refusal.value.code == "pack_interpreter"
    assert "1.7 times" in refusal.value.what


def test_where_it_may_the_sources_go_alone(repository, tmp_path, monkeypatch):
    compiled = repository.service("cats")
    monkeypatch.setattr("lamppost.pack.plan.find_interpreter", lambda target: None)
    plans = repository.plan(must_compile=False).plans
    cats = next(plan for plan in plans if plan.name == "cats")
    assert not [name for name in unzipped(make(cats, tmp_path).path.read_bytes()) if name.endswith(".pyc")]
    assert cats.digest != compiled.digest


def test_a_file_that_the_target_cannot_read_is_named():
    with pytest.raises(AuthorError) as refusal:
        compiled({"services/a.py": b"def"}, Path(sys.executable), place="/var/task", own="services/")
    assert "services/a.py: invalid syntax" in refusal.value.what
    others = {"python/old/a.py": b"print 1", "services/a.py": b""}
    made = compiled(others, Path(sys.executable), place="/var/task", own="services/")
    assert list(made) == [f"services/__pycache__/a.{sys.implementation.cache_tag}.pyc"]
