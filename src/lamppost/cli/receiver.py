"""`lamppost receiver`: a webhook receiver that misbehaves as told, and says at the end what it received."""

import asyncio
import os
import signal
import sys
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from lamppost.cli.output import safe, show, table, wants_json
from lamppost.cli.running import Json
from lamppost.delivery.simulator.behaviours import BEHAVIOURS
from lamppost.delivery.simulator.doors import DOORS
from lamppost.delivery.simulator.ledger import Report
from lamppost.delivery.simulator.server import Simulator

INTERRUPTED = 130
_SHOWN = 10


def receiver(
    *,
    port: Annotated[int, Parameter(help="Where on 127.0.0.1 to listen; 0 picks a free one.")] = 0,
    behave: Annotated[
        str, Parameter(help="What to do: NAME[:OPTION][:SHARE], several with commas: slow:2s,429:0.1.")
    ] = "",
    seed: Annotated[int, Parameter(help="The same seed gives the n-th try of a message the same fate.")] = 0,
    secret: Annotated[
        str, Parameter(env_var="LAMPPOST_WEBHOOK_SECRET", help="Check signatures with it: whsec_… or whpk_….")
    ] = "",
    doors: Annotated[
        bool, Parameter(negative=(), help="Open a port for each fault of TLS and of connecting.")
    ] = False,
    behaviours: Annotated[bool, Parameter(negative=(), help="List the behaviours and end.")] = False,
    json: Json = False,
) -> int:
    """Receive webhooks, well or badly, until Ctrl-C; then report what came.

    A path that names a behaviour (/slow?seconds=2, /status/429?retry-after=3, /reset) gets it; any other is
    treated as --behave says, and answered 200 without it.
    """
    if behaviours:
        about = {name: each.about for name, each in BEHAVIOURS.items()} | DOORS
        show(about, lambda: table(about.items(), ("behaviour", "does")), as_json=json)
        return 0
    simulator = Simulator(port=port, behave=behave, seed=seed, secret=secret, doors=doors)
    asyncio.run(_until_interrupted(simulator, as_json=wants_json(json)))
    report = simulator.report()
    if wants_json(json):
        _say(report)
    else:
        sys.stdout.write(f"\n{_told(report)}\n")
    return INTERRUPTED


async def _until_interrupted(simulator: Simulator, *, as_json: bool) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await simulator.start()
    try:
        if as_json:
            _say(
                {
                    "url": simulator.url,
                    "urls": simulator.urls,
                    "authority": simulator.authority,
                    "pid": os.getpid(),
                }
            )
        else:
            sys.stdout.write(_welcome(simulator))
            sys.stdout.flush()
        await ended.wait()
    finally:
        await simulator.stop()


def _say(value: Any) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def _welcome(simulator: Simulator) -> str:
    doors = [(name, url) for name, url in simulator.urls.items() if name in DOORS]
    lines = [f"receiving webhooks at {simulator.url}; Ctrl-C ends it with a report"]
    if doors:
        lines += [table(doors, ("door", "url")), f"trust {simulator.authority} to get through tls-ok"]
    return "\n".join(lines) + "\n"


def _told(report: Report) -> str:
    lines = [
        f"{report.requests} requests: {report.messages} messages, {report.repeats} repeats,"
        f" {report.without_id} without webhook-id, {report.changed} whose repeats say something else",
        "signatures: "
        + (", ".join(f"{count} {verdict}" for verdict, count in report.signatures.items()) or "none"),
        "behaviours: "
        + (", ".join(f"{count} {name}" for name, count in report.behaviours.items()) or "none"),
    ]
    repeated = [each for each in report.most_tried if each["tries"] != 1][:_SHOWN]
    if repeated:
        rows = [(each["tries"], safe(str(each["id"])), " ".join(_fates(each))) for each in repeated]
        lines.append(table(rows, ("tries", "webhook-id", "met")))
    return "\n".join(lines)


def _fates(message: dict[str, object]) -> list[str]:
    fates = message["fates"]
    return [str(fate) for fate in fates] if isinstance(fates, list) else []
