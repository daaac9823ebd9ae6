"""The console in a real browser: what a person sees on the front page."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chromium import QUIETLY, chromium
from tests.running import House, until


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A system whose clock these tests may move."""
    ours = House(tmp_path_factory.mktemp("console") / "data")
    yield ours.up()
    ours.end()


def rendered(url: str, profile: Path, *, after_ms: int = 0) -> str:
    """The page's DOM in Chromium, `after_ms` of the page's own time later."""
    waiting = (f"--virtual-time-budget={after_ms}",) if after_ms else ()
    done = subprocess.run(
        [chromium(), *QUIETLY, *waiting, f"--user-data-dir={profile}", "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_the_page_shows_a_greeting_and_a_name_is_never_markup(house: House, tmp_path: Path) -> None:
    """Ada's greeting stands in the inbox; a name that is a script is read, not run."""
    house.register()
    house.register(firstName="<script>document.title='owned'</script>", lastName="Tables")
    house.run("clock", "set", "2026-12-10T09:00:00Z")
    until(lambda: len(house.inbox()) == 2)

    page = rendered(house.running["console"], tmp_path / "profile")

    assert "Hey, Ada Lovelace it's your birthday" in page
    assert "&lt;script&gt;document.title='owned'&lt;/script&gt;" in page
    assert "<title>Lamppost</title>" in page


def test_the_page_keeps_itself_fresh(house: House, tmp_path: Path) -> None:
    """The script runs under the page's own policy, and the system it polls answers."""
    page = rendered(house.running["console"], tmp_path / "profile", after_ms=3500)

    assert 'role="status">up<' in page
    assert '<body class="lost"' not in page


def test_the_state_is_there_for_programs_and_tells_no_secret(house: House) -> None:
    """What the page shows is JSON too: names of settings, never their values."""
    answer = house.ask("GET", f"{house.running['console']}_console/state")

    state = answer.json["state"]
    assert answer.status == 200
    paths = {route["path"] for route in state["apis"][0]["routes"]}
    assert paths == {"/health", "/user", "/user/{id}", "/user/{id}/dates/{kind}"}
    assert {"name": "bday/webhook-signing", "has_value": True}.items() <= state["secrets"][0].items()
    secret = house.run("secrets", "get", "bday/webhook-signing")["value"]
    assert secret.encode() not in answer.body
    assert house.running["postgres"].encode() not in answer.body


def test_another_sites_page_cannot_read_it_through_a_name_of_its_own(house: House) -> None:
    """DNS rebinding: the request comes from this machine, but under a stranger's host name."""
    answer = house.ask("GET", house.running["console"], headers={"host": "evil.example"})

    assert answer.status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_page_is_for_reading(house: House, method: str) -> None:
    """Nothing can be changed through it."""
    assert house.ask(method, house.running["console"]).status == 405
