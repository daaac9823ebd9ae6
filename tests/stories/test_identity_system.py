"""Tokens in a running system: issued, shown, refused, rotated, through the gateway and a real function."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.documents import Terminal
from tests.issuer import GUARDED
from tests.running import ROOT, House


def furnish(folder: Path) -> Path:
    """A repository with the services that ask for tokens."""
    shutil.copytree(GUARDED, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("guarded")
    shared = House(folder / "data", root=furnish(folder / "repository"))
    yield shared.up()
    shared.end()


def bearer(house: House, *how: str) -> dict[str, str]:
    token = house.run("token", "--json", *how)["token"]
    return {"authorization": f"Bearer {token}"}


def test_a_development_token_opens_what_its_scopes_do(guarded: House) -> None:
    everything = bearer(guarded, "--as", "grace")
    said = guarded.ask("GET", "/whoami", headers=everything, api="guarded").json
    assert said["claims"]["username"] == "grace"
    assert said["claims"]["client_id"] == "guarded-app"
    assert guarded.ask("GET", "/both", headers=everything, api="guarded").status == 200

    narrow = bearer(guarded, "--as", "grace", "--scope", "things/write")
    # One of the route's scopes passes API Gateway; that all are there, the function asks.
    refused = guarded.ask("GET", "/both", headers=narrow, api="guarded")
    assert (refused.status, refused.json["code"]) == (403, "insufficient_scope")
    assert guarded.ask("GET", "/written", headers=narrow, api="guarded").json["sub"] == said["sub"]


def test_a_stranger_is_refused_by_the_gateway_and_by_the_function_itself(guarded: House) -> None:
    answer = guarded.ask("GET", "/whoami", api="guarded")
    assert (answer.status, answer.json["message"]) == (401, "Unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    event = '{"version":"2.0","routeKey":"GET /whoami","requestContext":{"http":{"method":"GET"}}}'
    itself = guarded.run("invoke", "guarded.api", "--payload", event)
    assert itself["payload"]["statusCode"] == 401
    assert guarded.ask("GET", "/open", api="guarded").status == 200
    assert guarded.ask("GET", "/whoami", api="ajar").json == {"sub": ""}


def test_a_function_judges_and_its_answer_reaches_the_handler(guarded: House) -> None:
    friend = {"authorization": "friend"}
    said = [guarded.ask("GET", "/whoami", headers=friend, api="judged").json for _ in range(3)]
    assert [each["sub"] for each in said] == ["friend-1"] * 3
    assert [each["claims"]["asked"] for each in said] == [1, 1, 1]
    statuses = {
        source: guarded.ask("GET", "/whoami", headers={"authorization": source}, api="judged").status
        for source in ("foe", "broken", "policy")
    }
    assert statuses == {"foe": 403, "broken": 500, "policy": 500}
    assert guarded.ask("GET", "/written", headers=friend, api="judged").status == 403


def test_the_command_says_what_cannot_be(guarded: House) -> None:
    for arguments, code in (
        (("--service", "judged"), "no_client"),
        (("--scope", "admin"), "no_such_scope"),
        (("--ttl", "31m"), "token_too_long"),
        (("--as", "no body"), "no_such_person"),
    ):
        done = guarded.run("token", *arguments, ok=False)
        assert done.returncode == 1
        assert f'"{code}"' in done.stderr


def test_keys_rotate_under_traffic_without_a_failed_request(guarded: House) -> None:
    tokens = [bearer(guarded)]
    statuses: Counter[int] = Counter()
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            for headers in list(tokens):
                statuses[guarded.ask("GET", "/things/7", headers=headers, api="guarded").status] += 1

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    keys = set()
    for _ in range(3):
        keys.add(guarded.run("token", "rotate")["kid"])
        tokens.append(bearer(guarded))
    over.set()
    for caller in callers:
        caller.join(30)
    assert len(keys) == 3
    assert statuses.keys() == {200}


def test_a_person_is_the_same_person_after_a_power_cut(
    tmp_path: Path, new_house: Callable[..., House]
) -> None:
    house = new_house(root=furnish(tmp_path / "repository")).up()
    before = house.ask("GET", "/whoami", headers=bearer(house), api="guarded").json["sub"]
    house.power_cut()
    house.up()
    assert house.ask("GET", "/whoami", headers=bearer(house), api="guarded").json["sub"] == before


def test_the_guide_shows_what_happens(tmp_path: Path, new_house: Callable[..., Any]) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    house = new_house(root=furnish(tmp_path / "repository")).up()
    Terminal(house, folder).read(ROOT / "docs" / "guides" / "identity.md")
