"""Every API does what its document says, and nothing else: all phases and checks of schemathesis."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamppost.pack.discover import discover
from tests.promises import Tried, patient, try_promises
from tests.repository import copied
from tests.running import ROOT, House

SHELF = ROOT / "tests" / "data" / "shelf"
SERVICES = discover(ROOT).services
APIS = [service.name for service in SERVICES if any(function.routes for function in service.functions)]
GUARDED = {service.name for service in SERVICES if service.authorizer and service.authorizer.local}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A system whose rows nobody else counts."""
    folder = tmp_path_factory.mktemp("promises")
    ours = House(folder / "data", root=patient(copied(folder / "repository")))
    yield ours.up()
    ours.end()


def shelf(folder: Path) -> Path:
    """A copy of the service whose books belong to one reader each."""
    shutil.copytree(SHELF, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def kept_its_promises(tried: Tried, api: str) -> None:
    print(f"{api}: {tried.figures}")
    assert (tried.code, tried.failures) == (0, set()), tried.said
    assert tried.report["errors"] == []
    assert tried.report["operations"]["tested"] == tried.report["operations"]["total"]
    assert {phase["status"] for phase in tried.report["phases"].values()} == {"success"}
    assert tried.report["warnings"]["rate_limited"] == []
    # A run that never got past the door would have found nothing either.
    assert tried.unreached == []


@pytest.mark.parametrize("api", APIS)
def test_an_api_keeps_its_promises(house: House, api: str, tmp_path: Path) -> None:
    tried = try_promises(house, api, tmp_path / "tried")
    kept_its_promises(tried, api)
    if api in GUARDED:
        assert tried.probed, tried.said


def test_what_belongs_to_one_reader_is_tried_as_another(tmp_path: Path) -> None:
    house = House(tmp_path / "data", root=shelf(tmp_path / "repository")).up()
    try:
        tried = try_promises(house, "shelf", tmp_path / "tried")
    finally:
        house.end()
    kept_its_promises(tried, "shelf")
    assert any(line.endswith("GET /book/{id}") for line in tried.probed), tried.said


def test_a_service_that_forgets_whose_a_book_is_is_found_out(tmp_path: Path) -> None:
    """The check that found nothing above finds this: it did run."""
    root = shelf(tmp_path / "repository")
    api = root / "services" / "shelf" / "api.py"
    text = api.read_text()
    api.write_text(text.replace('where id = %s and reader = %s"', "where id = %s and reader <> ' ' || %s\""))
    assert api.read_text() != text
    house = House(tmp_path / "data", root=root).up()
    try:
        tried = try_promises(house, "shelf", tmp_path / "tried")
    finally:
        house.end()
    assert "ObjectLevelAuthorizationViolation" in tried.failures, tried.said
