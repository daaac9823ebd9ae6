"""Functions run in real sandboxes: AWS's runtime client in real processes, killed for real."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from lamppost.declare import names
from lamppost.derive.manifest import write
from lamppost.local.functions.environment import local_environment
from lamppost.local.functions.lambdas import Lambdas, Override
from lamppost.local.functions.nursery import Nursery
from lamppost.local.functions.spec import Result
from lamppost.observe.log import Log

SERVICE = """
from lamppost import Service, Function, seconds
from services.probe import acts

def act(name, **more):
    return Function(name=name.replace("_", "-"), handler=getattr(acts, name), database=False, **more)

service = Service(name="probe", functions=(
    act("echo"), act("fail"), act("crash"), act("hang", timeout=seconds(1)), act("slow", concurrency=2),
    act("count"), act("talk"), act("big"), act("alone", concurrency=1), act("mute"),
    act("measure"),
    Function(name="broken", handler=acts.echo, database=False),
))
"""
ACTS = """
import os, sys, time
seen = 0
def echo(event, ctx):
    return {"got": event, "id": ctx.request_id, "pid": os.getpid(), "left": ctx.remaining().total_seconds()}
def fail(event, ctx): raise ValueError("no such dog")
def crash(event, ctx): os._exit(7)
def hang(event, ctx): time.sleep(60)
def slow(event, ctx): time.sleep(0.3); return os.getpid()
def count(event, ctx):
    global seen
    seen += 1
    return [os.getpid(), seen, os.environ.get("COLOUR")]
def alone(event, ctx): return os.getpid()
def mute(event, ctx): os.close(1); os.close(2)
def talk(event, ctx):
    print("plain words"); print("half a line", end=""); ctx.log.info("talked.enough", dog="rex"); return None
def big(event, ctx): return "x" * (6 * 1024 * 1024 + 1)
def measure(event, ctx):
    ctx.metric("Dogs", 3, Breed="collie")
    ctx.metric("Walk", [0.5, 2], "Seconds")
    ctx.metric("Walk", 7, "Seconds")
    if event.get("fail"): raise ValueError("no such dog")
"""


class House:
    """A repository with one service, its functions and their log."""

    def __init__(self, root: Path) -> None:
        folder = root / "services" / "probe"
        folder.mkdir(parents=True)
        (root / "services" / "__init__.py").touch()
        (folder / "service.py").write_text(SERVICE)
        (folder / "acts.py").write_text(ACTS)
        self.root = root
        self.log: list[str] = []
        self.heard: list[tuple[str, Result, int]] = []
        manifest = discover_apart(root)
        path = root / "manifest.json"
        path.write_bytes(write(manifest))
        self.nursery = Nursery()
        self.nursery.launch(root)
        self.lost = asyncio.Event()
        self.nursery.attach(self.lost.set)
        self.lambdas = Lambdas(
            self.nursery,
            lambda function, stream, lines: self.log.extend(lines),
            lambda service, function, key: local_environment(
                service, function, root=str(root), manifest=str(path), place={}, fast=False
            ),
            lambda key, name, grants: None,
            Log(write=self.log.append),
            invoked=lambda name, result, running: self.heard.append((name, result, running)),
        )
        self.lambdas.describe(manifest)

    async def call(self, name: str, event: object = None) -> object:
        result = await self.lambdas.invoke(
            names.physical(f"probe-{name}", "dev"), msgspec.json.encode(event or {})
        )
        answer = msgspec.json.decode(result.payload)
        return answer if result.error is None else (result.error, answer)


def discover_apart(root: Path):
    """Discover in a process of its own: this one must not keep the service's modules."""
    from lamppost.local.description import Description

    return Description(root, root).read().manifest


def run(tmp_path: Path, story: Callable[[House], Awaitable[None]]) -> None:
    async def play() -> None:
        house = House(tmp_path)
        try:
            await asyncio.wait_for(story(house), 60)
        finally:
            await house.lambdas.close()
            house.nursery.close()

    asyncio.run(play())


def test_a_function_gets_its_event_and_its_time(tmp_path):
    async def story(house: House) -> None:
        answer = await house.call("echo", {"dog": "rex"})
        assert answer["got"] == {"dog": "rex"}
        assert 29 < answer["left"] <= 30
        assert any(line.startswith(f"START RequestId: {answer['id']}") for line in house.log)
        assert any(line.startswith(f"REPORT RequestId: {answer['id']}") for line in house.log)

    run(tmp_path, story)


def test_what_a_function_measured_is_said_once_when_it_ends_and_when_it_fails(tmp_path):
    async def story(house: House) -> None:
        for event in ({}, {"fail": True}):
            house.log.clear()
            await house.call("measure", event)
            dogs, walk = [msgspec.json.decode(line) for line in house.log if line.startswith('{"_aws":')]
            assert (dogs["Dogs"], dogs["Breed"], dogs["Environment"]) == (3, "collie", "dev")
            assert walk["Walk"] == [0.5, 2, 7]
            assert walk["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Lamppost/probe"
        house.log.clear()
        await house.call("echo")
        assert not any("_aws" in line for line in house.log)

    run(tmp_path, story)


def test_every_invocation_is_heard_of_with_how_long_it_worked_and_how_many_with_it(tmp_path):
    async def story(house: House) -> None:
        await asyncio.gather(*(house.call("slow") for _ in range(3)))
        await house.call("hang")
        await house.call("fail")
        await house.call("crash")
        heard = {name.removeprefix("probe-dev-"): (result, running) for name, result, running in house.heard}
        slow = [(result, running) for name, result, running in house.heard if name == "probe-dev-slow"]
        assert len(slow) == 3
        assert max(running for result, running in slow if not result.throttled) == 2
        assert [result.milliseconds for result, _ in slow if result.throttled] == [None]
        assert all((result.milliseconds or 0) >= 300 for result, _ in slow if not result.throttled)
        assert (heard["hang"][0].milliseconds or 0) >= 1000
        for name in ("hang", "fail", "crash"):
            result, running = heard[name]
            assert (result.error, running) == ("Unhandled", 1)
            assert result.milliseconds is not None

    run(tmp_path, story)


def test_a_warm_sandbox_is_used_again(tmp_path):
    async def story(house: House) -> None:
        first = await house.call("count")
        second = await house.call("count")
        assert first[0] == second[0]
        assert second[1] == 2

    run(tmp_path, story)


def test_an_error_in_the_handler_is_told_as_lambda_tells_it(tmp_path):
    async def story(house: House) -> None:
        kind, answer = await house.call("fail")
        assert kind == "Unhandled"
        assert answer["errorType"] == "ValueError"
        assert answer["errorMessage"] == "no such dog"
        assert answer["stackTrace"]

    run(tmp_path, story)


def test_a_crash_ends_one_sandbox_and_the_next_call_gets_a_new_one(tmp_path):
    async def story(house: House) -> None:
        _, answer = await house.call("crash")
        assert answer["errorType"] == "Runtime.ExitError"
        assert "exit status 7" in answer["errorMessage"]
        _, again = await house.call("crash")
        assert again["errorType"] == "Runtime.ExitError"
        assert (await house.call("echo"))["got"] == {}

    run(tmp_path, story)


def test_a_function_past_its_time_is_killed_and_says_so(tmp_path):
    async def story(house: House) -> None:
        _, answer = await house.call("hang")
        assert answer["errorType"] == "Sandbox.Timedout"
        assert "1.00 seconds" in answer["errorMessage"]
        assert any("Task timed out after 1.00 seconds" in line for line in house.log)

    run(tmp_path, story)


def test_concurrency_grows_to_what_is_reserved_and_then_throttles(tmp_path):
    async def story(house: House) -> None:
        results = await asyncio.gather(*(house.lambdas.invoke("probe-dev-slow", b"{}") for _ in range(5)))
        ran = {result.payload for result in results if not result.throttled}
        assert len(ran) == 2
        assert sum(result.throttled for result in results) == 3

    run(tmp_path, story)


def test_who_calls_again_at_once_finds_the_sandbox_on_its_way_back(tmp_path):
    async def story(house: House) -> None:
        results = [await house.lambdas.invoke("probe-dev-alone", b"{}") for _ in range(100)]
        assert not any(result.throttled for result in results)
        assert len({result.payload for result in results}) == 1

    run(tmp_path, story)


def test_a_sandbox_that_closes_its_output_keeps_nobody_busy(tmp_path):
    async def story(house: House) -> None:
        await house.call("mute")
        turns = 0

        def turn() -> None:
            nonlocal turns
            turns += 1

        # While nothing happens the loop sleeps: its clock, not its turns, brings the end.
        loop = asyncio.get_running_loop()
        plain, loop._run_once = loop._run_once, lambda: (turn(), plain())
        await asyncio.sleep(0.1)
        assert turns < 50

    run(tmp_path, story)


def test_calls_beyond_this_machines_share_wait_their_turn(tmp_path):
    async def story(house: House) -> None:
        answers = await asyncio.gather(*(house.call("echo", {"n": n}) for n in range(60)))
        assert [answer["got"]["n"] for answer in answers] == list(range(60))
        assert len({answer["pid"] for answer in answers}) <= 16

    run(tmp_path, story)


def test_output_without_a_newline_is_not_lost(tmp_path):
    async def story(house: House) -> None:
        await house.call("talk")
        await house.lambdas.close()
        text = "\n".join(house.log)
        assert "plain words" in text
        assert "half a line" in text
        assert '"message":"talked.enough"' in text
        assert '"function":"talk"' in text

    run(tmp_path, story)


def test_an_answer_over_six_megabytes_is_refused(tmp_path):
    async def story(house: House) -> None:
        _, answer = await house.call("big")
        assert answer["errorType"] == "Function.ResponseSizeTooLarge"

    run(tmp_path, story)


def test_a_module_that_does_not_load_fails_the_call_with_the_reason(tmp_path):
    async def story(house: House) -> None:
        (tmp_path / "services" / "probe" / "acts.py").write_text("import no_such_module")
        _, answer = await house.call("broken")
        assert answer["errorType"] == "Runtime.ImportModuleError"
        assert "no_such_module" in answer["errorMessage"]
        (tmp_path / "services" / "probe" / "acts.py").write_text(ACTS)
        assert (await house.call("broken"))["got"] == {}

    run(tmp_path, story)


def test_a_new_environment_restarts_the_sandbox(tmp_path):
    async def story(house: House) -> None:
        before = await house.call("count")
        assert before[2] is None
        house.lambdas.override("probe-dev-count", Override(environment={"COLOUR": "red"}))
        after = await house.call("count")
        assert after[0] != before[0]
        assert after[1:] == [1, "red"]

    run(tmp_path, story)


def test_changed_code_runs_after_a_reload_and_work_in_progress_finishes(tmp_path):
    async def story(house: House) -> None:
        working = asyncio.create_task(house.call("slow"))
        await asyncio.sleep(0)
        before = await house.call("echo")
        (tmp_path / "services" / "probe" / "acts.py").write_text(ACTS.replace('"got"', '"received"'))
        house.lambdas.describe(discover_apart(tmp_path), lambda service: service == "probe")
        after = await house.call("echo")
        assert "got" in before
        assert "received" in after
        assert isinstance(await working, int)

    run(tmp_path, story)


def test_everything_dies_with_the_zygote_and_waiting_calls_are_answered(tmp_path):
    async def story(house: House) -> None:
        await house.call("echo")
        hanging = asyncio.create_task(house.call("slow"))
        while not house.lambdas.pools()["probe-dev-slow"].busy:
            await asyncio.sleep(0.01)
        while not any(line.startswith("START") for line in house.log[-1:]):
            await asyncio.sleep(0.01)
        os.kill(house.nursery.pid, signal.SIGKILL)
        _, answer = await hanging
        assert answer["errorType"] == "Runtime.ExitError"
        await asyncio.wait_for(house.lost.wait(), 5)

    run(tmp_path, story)


@pytest.mark.parametrize("name", ["nobody-there"])
def test_an_unknown_function_is_refused(tmp_path, name):
    async def story(house: House) -> None:
        _, answer = await house.call(name)
        assert answer["errorType"] == "ResourceNotFoundException"

    run(tmp_path, story)
