"""The function that answers operators, as a service names it; and how long a time reads."""

import pytest

from lamppost import AuthorError, Function, Queue, Route, Schedule, Service, System, minutes
from lamppost.cli.times import short, span
from lamppost.delivery import operations
from lamppost.derive.describe import describe
from lamppost.errors import OperatorError
from services.birthday import service as birthday


def handle() -> None:
    """Any handler."""


def test_the_manifest_names_who_answers_operators() -> None:
    (entry,) = describe(System((birthday.service,)), {"birthday": "services/birthday"}).services
    assert entry.operations == "operations"
    assert entry.function("operations").kind == "invoke"


@pytest.mark.parametrize("how", ["a queue", "a schedule", "routes", "another service"])
def test_a_function_that_something_else_wakes_answers_no_operators(how: str) -> None:
    desk = Function(name="desk", handler=handle)
    if how == "routes":
        desk = Function(name="desk", routes=(Route("GET /desk", handle),))
    with pytest.raises(AuthorError, match="operators of service 'shop' ask 'desk'"):
        Service(
            name="shop",
            functions=(Function(name="other", handler=handle),) if how == "another service" else (desk,),
            queues=(Queue(name="shop-jobs", runs=desk),) if how == "a queue" else (),
            schedules=(Schedule(every=minutes(1), runs=desk),) if how == "a schedule" else (),
            operations=desk,
        )


def test_a_request_that_is_none_is_told_which_there_are() -> None:
    with pytest.raises(OperatorError) as refusal:
        operations.read({"action": "explode"})
    assert refusal.value.fix.endswith("attempts, explain, ledger, list, pause, replay, resume, state, tzdata")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.04, "0.0 s"),
        (59.96, "60.0 s"),
        (60, "1 min"),
        (250.9, "4 min 10 s"),
        (7500, "2 h 5 min"),
        (86_400, "1 d"),
        (-3600, "-1 h"),
    ],
)
def test_lengths_of_time_read_as_people_say_them(seconds: float | None, words: str) -> None:
    assert span(seconds) == words


def test_instants_read_in_utc() -> None:
    assert short("2027-03-15T10:00:00+01:00") == "2027-03-15 09:00:00Z"
    assert short(None) == ""
