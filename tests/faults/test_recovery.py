"""Accidents of docs/guides/recover.md, as far as seconds allow. All of them: `benchmarks/recovery.py`."""

from collections.abc import Iterator

import pytest

from tests.faults import renewing, restoring
from tests.faults.scene import Drill, Scene
from tests.forms import Form


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = Scene(tmp_path_factory.mktemp("scene"))
    yield made
    made.close()


def test_a_second_before_the_mistake_everything_answered_until_then_is_there(
    scene: Scene, form: Form
) -> None:
    keep(form, restoring.to_a_second(scene, form.count(short=20, long=5_000)))


def test_a_secret_that_was_deleted_and_restored_is_read_at_once(scene: Scene, form: Form) -> None:
    keep(form, renewing.deleted_secret(scene))


def test_a_password_that_changes_while_requests_run_fails_none_of_them(scene: Scene, form: Form) -> None:
    keep(form, renewing.new_password(scene, form.count(short=1, long=10)))


def test_a_backup_with_an_older_password_serves_once_the_migrator_was_asked(scene: Scene, form: Form) -> None:
    keep(form, renewing.older_password(scene))


def keep(form: Form, played: Drill) -> None:
    """Its figures, for the end of a long run."""
    form.keep(accident=played.accident, recovery=f"{played.seconds:.1f} s", **played.besides)
