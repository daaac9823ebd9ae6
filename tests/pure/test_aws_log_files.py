"""Log files: cheap to write, read by time and place, whole after a kill, bounded in size."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamppost.errors import CallerError
from lamppost.local.aliases import Aliases
from lamppost.local.aws import log_patterns
from lamppost.local.logs import LogStore, following


def messages(store: LogStore, **given: Any) -> list[str]:
    return [event.message for event in store.read("f", **given)]


def test_lines_are_read_back_in_order_by_any_name(tmp_path: Path) -> None:
    store = LogStore(tmp_path, Aliases(["bday-scheduler"]))
    store.append("bday-scheduler", "s", ["one\ntwo", "grüße \u2028"])
    assert [e.message for e in store.read("bday-dev-scheduler")] == ["one\ntwo", "grüße \u2028"]
    assert store.functions() == ["bday-dev-scheduler"]


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(0, 2000), st.integers(0, 2000))
def test_a_time_range_holds_exactly_its_lines(steps: list[int], since: int, until: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = LogStore(Path(folder))
        moment, expected = 0, []
        for number, step in enumerate(steps):
            moment += step
            store.append("f", "s", [str(number)], at=moment)
            if since <= moment <= until:
                expected.append(str(number))
        assert messages(store, since=since, until=until) == expected
        store.close()


def test_a_late_range_of_a_long_file_is_found_without_reading_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LogStore(tmp_path)
    clock = iter(range(0, 40_000_000_000_000, 1_000_000_000))
    monkeypatch.setattr("lamppost.local.logs.time.time_ns", lambda: next(clock))
    for _ in range(20_000):
        store.append("f", "s", ["x" * 40])
    looked_at = 0
    real = log_line()

    def counted(raw: bytes) -> object:
        nonlocal looked_at
        looked_at += 1
        return real(raw)

    monkeypatch.setattr("lamppost.local.logs._line", counted)
    assert len(messages(store, since=19_990_000)) == 10
    assert looked_at < 2_500


def log_line() -> Callable[[bytes], Any]:
    from lamppost.local import logs

    return logs._line


def test_reading_goes_on_behind_the_last_event_also_after_rotation(tmp_path: Path) -> None:
    store = LogStore(tmp_path, rotate_bytes=2_000)
    seen: list[str] = []
    place = (0, 0)
    for number in range(30):
        store.append("f", "s", [f"{number:04d}" + "x" * 50])
        for event in store.read("f", after=place):
            seen.append(event.message[:4])
            place = following(event)
    assert seen == [f"{number:04d}" for number in range(30)]


def test_only_one_older_file_is_kept(tmp_path: Path) -> None:
    store = LogStore(tmp_path, rotate_bytes=1_000)
    for number in range(100):
        store.append("f", "s", [str(number) + "x" * 50])
    files = sorted(tmp_path.glob("*.jsonl"))
    assert len(files) == 2
    assert all(path.stat().st_size <= 1_000 for path in files)
    assert messages(store)[-1].startswith("99")
    ids = [event.id for event in store.read("f")]
    assert ids == sorted(set(ids))


def test_a_line_torn_by_a_full_disk_spoils_no_other(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    store.append("f", "s", ["whole"])
    store.close()
    [path] = tmp_path.glob("*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"t":1,"i":1,"s":"s","m":"to')
    again = LogStore(tmp_path)
    again.append("f", "s", ["next"])
    assert messages(again) == ["whole", "next"]


def test_a_follower_gets_what_was_said_and_what_is_said(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    store.append("f", "s", ["before"])

    async def story() -> list[tuple[str, str]]:
        got = []
        following_ = store.follow(["f", "g"], since=0)
        async for function, event in following_:
            got.append((function, event.message))
            if len(got) == 1:
                asyncio.get_running_loop().call_soon(store.append, "g", "s", ["after"])
            else:
                await following_.aclose()
                return got
        return got

    assert asyncio.run(story()) == [("f", "before"), ("g", "after")]


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("", {"ERROR out", "WARN out of room", "fine"}),
        ("out", {"ERROR out", "WARN out of room"}),
        ('"out of"', {"WARN out of room"}),
        ("out -room", {"ERROR out"}),
        ("?ERROR ?fine", {"ERROR out", "fine"}),
    ],
)
def test_a_pattern_of_terms_matches_as_in_cloudwatch(pattern: str, matching: set[str]) -> None:
    said = {"ERROR out", "WARN out of room", "fine"}
    assert {message for message in said if log_patterns.parse(pattern)(message)} == matching


@pytest.mark.parametrize("pattern", ['{ $.level = "error" }', "[ip, user]", "%regex%"])
def test_a_pattern_we_do_not_know_is_refused_not_misread(pattern: str) -> None:
    with pytest.raises(CallerError):
        log_patterns.parse(pattern)
