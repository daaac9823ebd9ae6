"""One line of JSON per event, whatever is in it."""

import json
import logging

import pytest

from lamppost.observe import bridge
from lamppost.observe.log import LEVELS, Log, ambient, level_from


def said(**fields: object) -> dict[str, object]:
    lines: list[str] = []
    Log(level=0, write=lines.append).info("dog.walked", **fields)
    (line,) = lines
    assert "\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def test_a_line_has_its_time_its_level_its_message_and_its_fields():
    line = said(dog="rex", minutes=12)
    assert line["message"] == "dog.walked"
    assert line["level"] == "info"
    assert line["dog"] == "rex"
    assert str(line["timestamp"]).endswith("Z")


def test_text_from_outside_cannot_forge_a_second_line():
    assert said(dog='rex\n{"level":"error"}')["dog"] == 'rex\n{"level":"error"}'


@pytest.mark.parametrize("name", ["password", "secret", "token", "authorization"])
def test_a_field_named_like_a_secret_is_masked(name):
    assert said(**{name: "hunter2"})[name] == "***"


def test_half_a_surrogate_pair_is_written_and_not_raised():
    assert said(dog="\ud800")["dog"] == "\\ud800"


def test_what_json_cannot_say_is_said_in_words():
    assert said(error=ValueError("no such dog"))["error"] == "no such dog"


@pytest.mark.parametrize(
    ("environment", "level"),
    [
        ({}, "info"),
        ({"LOG_LEVEL": "DEBUG"}, "debug"),
        ({"RUST_LOG": "warn"}, "warn"),
        ({"RUST_LOG": "hyper=off,error"}, "error"),
        ({"LOG_LEVEL": "warn", "RUST_LOG": "debug"}, "warn"),
        ({"LOG_LEVEL": "loud"}, "info"),
    ],
)
def test_the_level_comes_from_log_level_or_its_alias(environment, level):
    assert level_from(environment) == LEVELS[level]


def test_below_its_level_a_log_is_silent():
    lines: list[str] = []
    Log(level=LEVELS["warn"], write=lines.append).info("dog.walked")
    assert lines == []


def test_ambient_fields_stand_in_every_line_until_they_are_taken_out():
    ambient(request_id="r-1")
    try:
        assert said()["request_id"] == "r-1"
    finally:
        ambient(request_id=None)
    assert "request_id" not in said()


def test_a_librarys_own_logging_comes_out_in_the_same_shape():
    lines: list[str] = []
    logger = logging.getLogger("a.library")
    logger.addHandler(bridge.Bridge(Log(level=0, write=lines.append)))
    logger.propagate = False
    try:
        raise ValueError("no such dog")
    except ValueError:
        logger.exception("it went wrong with %s", "rex")
    line = json.loads(lines[0])
    assert line["message"] == "it went wrong with rex"
    assert line["level"] == "error"
    assert line["logger"] == "a.library"
    assert "no such dog" in line["stack"]
