"""The service of the guide's first half, as a reader would save it: what it tells arrives, signed, once."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.documents import blocks
from tests.running import ROOT, House, until


def save(folder: Path) -> None:
    (folder / "services").mkdir(parents=True)
    (folder / "services" / "__init__.py").touch()
    shutil.copytree(ROOT / "services" / "barkbase", folder / "services" / "barkbase")
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    for block in blocks(ROOT / "docs" / "guides" / "webhooks.md"):
        if block.marker.startswith("file: services/bell/"):
            path = folder / block.marker.removeprefix("file: ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)


def test_a_service_tells_a_webhook_what_happened(new_house: Callable[..., House], tmp_path: Path) -> None:
    save(tmp_path / "repository")
    house = new_house(root=tmp_path / "repository").up()
    base = house.running["apis"]["bell"].rstrip("/")
    inbox = house.running["inbox"]

    for who in ("Ada", "Joe"):
        assert house.ask("POST", f"{base}/ring", {"who": who}).status == 204
    house.run("invoke", "bell-teller")
    until(lambda: len(arrived(house, inbox)) == 2)
    house.run("invoke", "bell-teller")

    told = arrived(house, inbox)
    assert sorted(each["body"]["who"] for each in told) == ["Ada", "Joe"]
    assert len({each["id"] for each in told}) == 2
    assert {each["signature"] for each in told} == {"fits bell/dev/webhook-signing"}


def arrived(house: House, inbox: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(house.ask("GET", inbox).body)
    return found
