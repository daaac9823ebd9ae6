"""The explorer in a real browser: what a person who tries an API sees, and what hostile words cannot do."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chromium import Page
from tests.running import ROOT, House

SHELF = ROOT / "tests" / "data" / "shelf"
HOSTILE = "<img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A system whose one service says of itself what would be markup elsewhere."""
    folder = tmp_path_factory.mktemp("explorer")
    root = folder / "repository"
    shutil.copytree(SHELF, root, ignore=shutil.ignore_patterns("__pycache__"))
    declared = root / "services" / "shelf" / "service.py"
    text = declared.read_text().replace("keeps books, each for its reader", HOSTILE)
    declared.write_text(text.replace('"title": "The sea"', f'"title": "{HOSTILE}"'))
    ours = House(folder / "data", root=root)
    yield ours.up()
    ours.end()


@pytest.fixture
def page(house: House, tmp_path: Path) -> Iterator[Page]:
    """The explorer at the route that brings a book."""
    opened = Page(f"{house.running['console']}explorer#shelf/add", tmp_path / "profile")
    opened.wait("document.querySelector('button.go')")
    yield opened
    opened.close()


def tried(page: Page) -> str:
    page.js("document.querySelector('button.go').click()")
    page.wait(
        "document.querySelector('#answer, [role=alert]') && !document.querySelector('button.go').disabled"
    )
    return page.text


def test_a_route_is_tried_with_a_token_and_its_log_is_there(page: Page) -> None:
    assert "Put a book on the caller's shelf." in page.text
    text = tried(page)
    assert "201 Created" in text
    assert "lamppost token --service shelf --as ada" in text
    page.wait('document.body.innerText.includes(\'"message":"request.answered"\')')


def test_what_a_service_says_and_answers_is_text(page: Page) -> None:
    text = tried(page)
    # In what the service says of itself, and in its answer.
    assert text.count(HOSTILE) == 2
    assert page.js("document.images.length") == 0
    assert page.js("document.title") == "Lamppost explorer"


def test_a_refusal_is_shown_as_it_came(page: Page) -> None:
    page.js("document.querySelector('#body').value = '{\"pages\": 1}'")
    assert "422 " in tried(page)
    assert "Object missing required field" in page.text


def test_a_book_that_is_there_is_found_by_its_id(house: House, page: Page) -> None:
    tried(page)
    book = page.js("JSON.parse(document.querySelector('#answer').innerText).id")
    page.js("location.hash = 'shelf/find'")
    page.wait("document.querySelector('#in-id')")
    page.js(f"document.querySelector('#in-id').value = '{book}'")
    assert "200 OK" in tried(page)
    page.js("document.querySelector('#person').value = 'ben'")
    assert "book_not_found" in tried(page)


def test_a_path_that_a_browser_cannot_send_is_not_sent_elsewhere(page: Page) -> None:
    page.js("location.hash = 'shelf/find'")
    page.wait("document.querySelector('#in-id')")
    page.js("document.querySelector('#in-id').value = '..'")
    assert "curl --path-as-is can" in tried(page)


def test_every_field_has_a_label_and_every_route_a_link(page: Page) -> None:
    unlabelled = (
        "[...document.querySelectorAll('input, textarea')]"
        ".filter((each) => !each.labels.length && !each.ariaLabel).map((each) => each.id)"
    )
    assert page.js(unlabelled) == []
    assert page.js("document.querySelectorAll('nav a').length") == 8
    assert page.js("document.querySelector('nav a[aria-current=page]').innerText").split() == [
        "POST",
        "/book",
    ]


def test_a_token_is_for_this_page_only(house: House) -> None:
    wanted = {"service": "shelf", "person": "ada"}
    url = f"{house.running['console']}_console/token"
    assert house.ask("POST", url, wanted).status == 200
    assert house.ask("POST", url, wanted, {"origin": "https://evil.example"}).status == 403
    assert house.ask("POST", url, wanted, {"host": "evil.example"}).status == 403
    assert house.ask("POST", url, wanted, {"content-type": "text/plain"}).status == 415
    assert house.ask("POST", url, b"{").status == 400
    assert house.ask("POST", url, {**wanted, "person": "$(reboot)"}).json["code"] == "no_such_person"
    assert house.ask("GET", url).status == 405


def test_lines_of_functions_and_requests_that_are_none_are_not_looked_for(house: House) -> None:
    url = f"{house.running['console']}_console/lines"
    for query in (
        "",
        "?service=shelf&function=api&request=a",
        "?service=shelf&function=../up&request=" + "a" * 36,
    ):
        assert house.ask("GET", url + query).status == 409
