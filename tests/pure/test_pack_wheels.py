"""Layers come from wheels that the lock names, byte by byte, and from libraries that will load."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from lamppost.errors import OperatorError
from lamppost.pack.shared_objects import check, loaded_part, needed_glibc
from lamppost.pack.target import Target
from lamppost.pack.wheels import fetched, locked, unpacked
from lamppost.pack.zips import zipped
from tests.packing import HERE
from tests.running import ROOT

TARGET = Target(python="3.13", machine="aarch64")
METADATA = b"Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n"
WHEEL = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
COMPILED = Path(msgspec._core.__file__)


class Index:
    """A folder that pip takes for its index, with one wheel in it, and a lock that names that wheel."""

    def __init__(self, folder, monkeypatch):
        self.wheel = folder / "index" / "toy-1.0-py3-none-any.whl"
        self.lock = folder / "lock.txt"
        self.store = folder / "store"
        self.wheel.parent.mkdir()
        self.publish(b"x = 1\n")
        self.trust()
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(self.wheel.parent))
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    def publish(self, source):
        files = {
            "toy.py": source,
            "toy-1.0.data/scripts/toy": b"",
            "toy-1.0.dist-info/METADATA": METADATA,
            "toy-1.0.dist-info/WHEEL": WHEEL,
            "toy-1.0.dist-info/RECORD": b"",
        }
        self.wheel.write_bytes(zipped(files))

    def trust(self):
        digest = hashlib.sha256(self.wheel.read_bytes()).hexdigest()
        self.lock.write_text(f"toy==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{digest}\n")

    def fetch(self):
        return fetched(locked(self.lock, TARGET), TARGET, self.store)


@pytest.fixture
def index(tmp_path, monkeypatch):
    return Index(tmp_path, monkeypatch)


def test_a_wheel_is_fetched_once(index):
    (first,) = index.fetch()
    index.wheel.unlink()
    assert index.fetch() == [first]
    assert "toy.py" in unpacked(first)
    assert "toy-1.0.data/scripts/toy" not in unpacked(first)


def test_a_wheel_that_the_lock_does_not_name_is_refused(index):
    index.publish(b"x = 'not what was tested'\n")
    with pytest.raises(OperatorError) as refusal:
        index.fetch()
    assert refusal.value.code == "pack_wheels"
    assert list(index.store.iterdir()) == []


def test_a_wheel_that_was_changed_in_the_store_is_fetched_anew(index):
    (kept,) = index.fetch()
    good = kept.read_bytes()
    kept.write_bytes(good + b"more")
    assert [wheel.read_bytes() for wheel in index.fetch()] == [good]


def test_a_release_for_older_pythons_only_is_left_out(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text(
        "old==1 ; python_full_version < '3.13' \\\n    --hash=sha256:aa\nnew==1 \\\n    --hash=sha256:bb\n"
    )
    assert [pin.name for pin in locked(lock, Target(python="3.13"))] == ["new==1"]
    assert [pin.name for pin in locked(lock, Target(python="3.12"))] == ["new==1", "old==1"]


@pytest.mark.parametrize(
    "text",
    ["toy\n", "toy==1.0\n", "toy>=1 --hash=sha256:aa\n", "toy==1 ; os_name == 'nt' --hash=sha256:aa\n"],
)
def test_a_lock_that_pins_less_than_a_release_and_its_hash_is_refused(tmp_path, text):
    lock = tmp_path / "lock.txt"
    lock.write_text(text)
    with pytest.raises(OperatorError) as refusal:
        locked(lock, TARGET)
    assert refusal.value.code == "pack_lock"


@pytest.mark.parametrize(
    "lock", sorted((ROOT / "requirements" / "layers").glob("*.txt")), ids=lambda lock: lock.stem
)
def test_what_is_shipped_is_what_is_tested(lock):
    def pins(path):
        """Release to its hashes, markers put aside."""
        text = re.sub(r" ;[^\\\n]*", "", path.read_text()).replace("\\\n", " ")
        return {
            line.split()[0]: set(line.split()[1:]) for line in text.splitlines() if not line.startswith("#")
        }

    here = pins(ROOT / "requirements" / "run.txt")
    assert {name: here.get(name) for name in pins(lock)} == pins(lock)


def test_a_library_loads_without_what_only_debuggers_read(tmp_path):
    content = COMPILED.read_bytes()
    package = tmp_path / "msgspec"
    shutil.copytree(COMPILED.parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / COMPILED.name).write_bytes(loaded_part(content + b"symbols" * 1000))
    assert len((package / COMPILED.name).read_bytes()) <= len(content)
    program = "import msgspec; print(msgspec.json.encode([1]), msgspec._core.__file__)"
    said = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert said.stdout == f"b'[1]' {package / COMPILED.name}\n", said.stderr


def test_what_is_no_library_is_left_as_it_is():
    assert loaded_part(b"#!/bin/sh\n") == b"#!/bin/sh\n"


def test_a_library_for_another_processor_is_refused():
    files = {f"python/{COMPILED.name}": COMPILED.read_bytes()}
    check(files, HERE)
    other = "x86_64" if HERE.machine == "aarch64" else "aarch64"
    with pytest.raises(OperatorError, match=f"is not for {other}"):
        check(files, Target(python=HERE.python, machine=other))


def test_a_library_that_needs_a_newer_glibc_is_refused():
    content = COMPILED.read_bytes()
    assert (2, 3) <= needed_glibc(content) <= (2, 36)
    with pytest.raises(OperatorError, match="needs glibc"):
        check({"python/a.so": content}, Target(python=HERE.python, machine=HERE.machine, glibc=(2, 2)))


def test_a_text_with_a_librarys_name_is_refused():
    with pytest.raises(OperatorError, match="is not for"):
        check({"python/liba.so.1": b"INPUT(liba.so.1.2)"}, HERE)
