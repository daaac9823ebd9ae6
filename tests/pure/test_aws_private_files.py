"""Settings in private files: whole after any crash, shared by processes, read by their owner only."""

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from lamppost.errors import OperatorError
from lamppost.local.aliases import Aliases
from lamppost.local.private_file import PrivateFile
from lamppost.local.secret_versions import CURRENT, PREVIOUS
from lamppost.local.stores import EntryMissing, ParameterStore, SecretStore


def put_fifty(folder: Path, prefix: str) -> None:
    store = ParameterStore(folder)
    for number in range(50):
        store.put(f"/{prefix}/{number}", "x")


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=put_fifty, args=(tmp_path, prefix)) for prefix in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(ParameterStore(tmp_path).names()) == 100


def test_a_reader_sees_what_another_process_wrote(tmp_path: Path) -> None:
    mine, other = ParameterStore(tmp_path), ParameterStore(tmp_path)
    other.put("/a", "one")
    assert mine.get("/a") is not None
    other.put("/a", "two")
    found = mine.get("/a")
    assert found is not None
    assert (found.value, found.version) == ("two", 2)


def test_a_crash_before_the_rename_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ParameterStore(tmp_path)
    store.put("/a", "one")

    def crash(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", crash)
        with pytest.raises(KeyboardInterrupt):
            store.put("/a", "two")
    after = ParameterStore(tmp_path)
    kept = after.get("/a")
    assert kept is not None
    assert kept.value == "one"
    after.put("/a", "three")
    assert stat.S_IMODE((tmp_path / "parameters.json").stat().st_mode) == 0o600


def test_a_block_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = PrivateFile(tmp_path / "x.json", dict[str, int])
    with pytest.raises(ZeroDivisionError), file.change() as entries:
        entries["a"] = 1 // 0
    assert file.read() == {}


def test_a_damaged_file_is_reported_and_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "parameters.json").write_text("{")
    store = ParameterStore(tmp_path)
    with pytest.raises(OperatorError, match=r"parameters\.json"):
        store.put("/a", "x")
    assert (tmp_path / "parameters.json").read_text() == "{"


def test_the_last_five_versions_of_a_parameter_are_kept(tmp_path: Path) -> None:
    store = ParameterStore(tmp_path)
    for number in range(1, 8):
        assert store.put("/a", str(number)) == number
    assert store.get("/a", 2) is None
    third = store.get("/a", 3)
    assert third is not None
    assert third.value == "3"


def test_a_value_put_before_its_name_was_declared_is_found_afterwards(tmp_path: Path) -> None:
    ParameterStore(tmp_path).put("/bday/webhook-url", "early")
    store = ParameterStore(tmp_path, Aliases(["/bday/webhook-url"]))
    store.put("/bday/dev/webhook-url", "late")
    found = store.get("/bday/webhook-url")
    assert found is not None
    assert found.value == "late"
    assert store.names() == ["/bday/webhook-url"]


def test_labels_move_with_every_new_version_of_a_secret(tmp_path: Path) -> None:
    store = SecretStore(tmp_path)
    store.create("s", "0")
    for number in range(1, 9):
        store.put("s", str(number))
    entry = store.find("s")
    assert entry is not None
    current, previous = entry.labelled(CURRENT), entry.labelled(PREVIOUS)
    assert current is not None
    assert previous is not None
    assert (current.text, previous.text, len(entry.versions)) == ("8", "7", 5)


def test_a_pending_version_does_not_disturb_the_current_one(tmp_path: Path) -> None:
    store = SecretStore(tmp_path)
    store.create("s", "old")
    store.put("s", "new", stages=("AWSPENDING",))
    assert store.get("s") == "old"


def test_writing_to_a_missing_secret_is_told(tmp_path: Path) -> None:
    with pytest.raises(EntryMissing):
        SecretStore(tmp_path).put("s", "x")
