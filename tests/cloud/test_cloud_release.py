"""What makes the migrator run again: the files' own bytes, never a number that somebody forgets to raise."""

import shutil
from pathlib import Path

from lamppost.cloud.release import release
from lamppost.migrate.files import discover as files
from lamppost.migrate.rollouts import digest_of
from tests.cloud.conftest import Synthesised
from tests.running import ROOT


def test_one_byte_of_one_file_is_another_release(synthesised: Synthesised, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "services", tmp_path / "services")
    before = release(tmp_path, synthesised.manifest)
    assert before == synthesised.release

    changed = tmp_path / "services" / "orders" / "migrations" / before.heads["orders"]
    changed.write_bytes(changed.read_bytes() + b"\n-- a word more\n")
    after = release(tmp_path, synthesised.manifest)
    assert after.digest != before.digest
    assert after.heads == before.heads


def test_the_template_names_the_digest_that_the_migrator_finds_in_its_zip(synthesised: Synthesised) -> None:
    """Each database's files, found by themselves, as the migrator does."""
    places = [
        files([(service.name, ROOT / service.folder / "migrations") for service in lodgers])
        for _, lodgers in synthesised.manifest.databases().values()
    ]
    assert synthesised.release.digest == digest_of(places)
