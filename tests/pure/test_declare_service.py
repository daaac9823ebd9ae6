"""A declaration that cannot work is refused where it is written, with the value and the fix."""

from typing import Any

import pytest

from lamppost import (
    AuthorError,
    Database,
    Function,
    Parameter,
    Queue,
    Route,
    Schedule,
    Secret,
    Service,
    System,
    days,
    hours,
    minutes,
    seconds,
)


def handle() -> None:
    """A handler."""


WORK = Function(name="work", handler=handle)


def service(**parts: Any) -> Service:
    """A service of one function, with `parts` changed."""
    given: dict[str, Any] = {"name": "shop", "functions": (WORK,), **parts}
    return Service(**given)


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Route("FETCH /dogs", handle), "FETCH /dogs"),
        (lambda: Route("GET dogs", handle), "GET dogs"),
        (lambda: Route("GET /dogs/", handle), "GET /dogs/"),
        (lambda: Route("GET /dogs/{Id}", handle), "{Id}"),
        (lambda: Route("POST /dogs", handle, status=404), "404"),
        (lambda: Function(name="Work", handler=handle), "Work"),
        (lambda: Function(name="work"), "neither routes nor a handler"),
        (lambda: Function(name="work", handler=handle, routes=(Route("GET /", handle),)), "both routes and"),
        (lambda: Function(name="work", handler=handle, timeout=minutes(16)), "0:16:00"),
        (lambda: Function(name="work", handler=handle, timeout=seconds(0)), "0:00:00"),
        (lambda: Function(name="api", routes=(Route("GET /", handle),), timeout=seconds(31)), "31 s"),
        (lambda: Function(name="work", handler=handle, memory_mb=64), "64 MB"),
        (lambda: Function(name="work", handler=handle, concurrency=0), "concurrency of 0"),
        (
            lambda: Function(name="api", routes=(Route("GET /d/{a}", handle), Route("GET /d/{b}", handle))),
            "two routes for",
        ),
        (lambda: Schedule(every=seconds(30), runs=WORK), "0:00:30"),
        (lambda: Queue(name="a b"), "a b"),
        (lambda: Queue(name="q" * 78), "qqq"),
        (lambda: Queue(name="jobs", batch=0), "batch of 0"),
        (lambda: Queue(name="jobs", concurrency=1), "runs 1 at once"),
        (lambda: Queue(name="jobs", attempts=0), "0 attempts"),
        (lambda: Queue(name="jobs", keep=days(15)), "15 days"),
        (lambda: Queue(name="jobs", keep=days(5), dead_keep=days(4)), "could expire"),
        (lambda: Queue(name="jobs", keep=days(14), dead_keep=days(14)), "could expire"),
        (lambda: Queue(name="jobs", visibility=hours(13)), "13:00:00"),
        (lambda: Queue(name="jobs", runs=WORK, visibility=seconds(30)), "delivered twice"),
        (lambda: Parameter("webhook-url", "no path"), "webhook-url"),
        (lambda: Secret("a secret", "a space"), "a secret"),
        (lambda: Database("Bday", secret="a/b"), "Bday"),
        (lambda: Database("postgres", secret="a/b"), "postgres"),
        (lambda: service(name="my-shop"), "my-shop"),
        (lambda: service(functions=(WORK, WORK)), "two functions named"),
        (lambda: service(queues=(Queue(name="jobs"), Queue(name="jobs"))), "two queues named"),
        (lambda: service(queues=(Queue(name="jobs", runs=Function(name="x", handler=handle)),)), "'x'"),
        (
            lambda: service(
                schedules=(Schedule(every=minutes(1), runs=WORK),), queues=(Queue(name="jobs", runs=WORK),)
            ),
            "by a queue and by a schedule",
        ),
        (lambda: service(functions=(Function(name="w" * 50, handler=handle),)), "too long"),
        (
            lambda: service(functions=(Function(name="work", handler=handle, reads=("/shop/url",)),)),
            "/shop/url",
        ),
    ],
)
def test_a_mistake_is_named_with_its_value_and_its_fix(build, named):
    with pytest.raises(AuthorError) as refused:
        build()
    assert named in refused.value.what
    assert refused.value.fix


def test_a_function_that_answers_http_is_run_by_nothing_else():
    api = Function(name="api", routes=(Route("GET /", handle),))
    with pytest.raises(AuthorError, match="answers HTTP"):
        service(functions=(api,), schedules=(Schedule(every=minutes(1), runs=api),))


def test_a_misspelt_queue_is_answered_with_the_one_that_was_meant():
    sender = Function(name="send", handler=handle, sends=("shop-job",))
    shop = service(functions=(sender,), queues=(Queue(name="shop-jobs"),))
    with pytest.raises(AuthorError) as refused:
        System((shop,))
    assert "shop-jobs" in refused.value.fix


def test_a_function_may_send_to_the_dead_letters_of_a_declared_queue():
    sender = Function(name="send", handler=handle, sends=("shop-jobs-dlq",))
    System((service(functions=(sender,), queues=(Queue(name="shop-jobs"),)),))


def test_services_that_share_a_database_open_it_with_one_secret():
    one = service(name="users", database=Database("app", secret="app/a"))
    other = service(name="orders", database=Database("app", secret="app/b"))
    with pytest.raises(AuthorError, match="two secrets"):
        System((one, other))


def test_a_message_stays_hidden_six_times_as_long_as_its_function_may_run():
    assert Queue(name="jobs", runs=Function(name="w", handler=handle, timeout=seconds(30))).hidden == minutes(
        3
    )


def test_the_wait_for_a_large_batch_is_added_to_that():
    worker = Function(name="w", handler=handle, timeout=seconds(30))
    assert Queue(name="jobs", runs=worker, batch=11).hidden == seconds(181)
    assert (Queue(name="a", batch=11).window, Queue(name="b", batch=10).window) == (1, None)
