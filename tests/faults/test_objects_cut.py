"""Objects on a disk that is full, and writers that die at every step."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lamppost.errors import OperatorError
from lamppost.local.objects import Meta, ObjectStore

HERE = Path(__file__).parent


def meta(key: str, size: int) -> Meta:
    return Meta(key, size, "0" * 32, 0, {}, {})


def body(store: ObjectStore, key: str) -> bytes:
    with store.opened("files", key) as found:
        assert found is not None
        return found[1].read()


def test_a_full_disk_is_told_and_leaves_the_old_object(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "disk_full.py"), str(tmp_path / "objects")],
        capture_output=True, text=True, check=True, cwd=HERE.parents[1],
    )  # fmt: skip
    assert done.stdout == "object_unwritten"
    assert body(ObjectStore(tmp_path / "objects"), "a") == b"old"
    assert list((tmp_path / "objects").glob("*/.new/*")) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_writer_that_dies_before_the_rename_has_changed_nothing(tmp_path: Path, step: str) -> None:
    store = ObjectStore(tmp_path)
    store.put("files", meta("a", 3), b"old")
    writer = os.fork()
    if writer == 0:
        _dies_at(step)
        store.put("files", meta("a", 3), b"new")
    os.waitpid(writer, 0)
    assert body(store, "a") == b"old"
    assert len(list(tmp_path.glob("*/.new/*"))) == 1
    store.forget_unfinished("files")
    assert list(tmp_path.glob("*/.new/*")) == []
    assert body(store, "a") == b"old"


def _dies_at(step: str) -> None:
    def die(*_: object) -> None:
        os._exit(9)

    # Never undone: the child dies of it.
    child = pytest.MonkeyPatch()
    child.setattr(os, "fsync", die if step == "fsync" else lambda _: None)
    child.setattr(Path, "replace", die)


def test_who_reads_while_another_replaces_sees_one_object_whole(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    store.put("files", meta("a", 3), b"old")
    with store.opened("files", "a") as found:
        store.put("files", meta("a", 4), b"next")
        store.delete("files", "a")
        assert found is not None
        assert (found[0].size, found[1].read()) == (3, b"old")
    assert store.find("files", "a") is None


def test_a_file_that_is_no_object_is_told_with_its_name(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    store.put("files", meta("a", 3), b"old")
    (path,) = tmp_path.glob("files/??/*")
    path.write_bytes(b"\x00" * 10)
    with pytest.raises(OperatorError, match=path.name):
        store.find("files", "a")
