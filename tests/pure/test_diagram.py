"""The picture of a system: whole, the same each time, and nothing on top of anything."""

import itertools
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from lamppost.cli.commands import run
from lamppost.derive.diagram.drawio import drawio
from lamppost.derive.diagram.graph import Graph, graph
from lamppost.derive.diagram.layers import layered
from lamppost.derive.diagram.mermaid import mermaid
from lamppost.derive.diagram.placing import HEIGHT, WIDTH, placed
from lamppost.derive.diagram.svg import svg
from lamppost.derive.manifest import (
    DatabaseEntry,
    FunctionEntry,
    Kind,
    Manifest,
    QueueEntry,
    RouteEntry,
    ScheduleEntry,
    ServiceEntry,
)
from lamppost.pack.discover import discover
from tests.running import ROOT

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def system() -> Graph:
    return graph(discover(ROOT))


def test_every_part_of_the_declaration_is_drawn(system: Graph) -> None:
    manifest = discover(ROOT)
    drawn = {node.id for node in system.nodes}
    for service in manifest.services:
        assert {f"function.{service.name}.{each.name}" for each in service.functions} <= drawn
        assert {f"queue.{each.name}" for each in service.queues} <= drawn
        assert {f"bucket.{each.name}" for each in service.buckets} <= drawn
    assert {f"database.{name}" for name in manifest.databases()} <= drawn
    assert {end for edge in system.edges for end in (edge.source, edge.target)} <= drawn


def test_who_calls_whom_is_read_off_the_declaration(system: Graph) -> None:
    ways = {(edge.source, edge.target): edge.way for edge in system.edges}
    assert ways["people", "api.birthday"] == "http"
    assert ways["schedule.birthday.0", "function.birthday.scheduler"] == "time"
    assert ways["function.birthday.scheduler", "queue.bday-messages"] == "message"
    assert ways["queue.bday-messages", "function.birthday.worker"] == "message"
    assert ways["queue.bday-messages", "dead.bday-messages"] == "dead"
    assert ways["function.birthday.worker", "internet"] == "out"
    assert ways["function.birthday.worker", "database.bday"] == "sql"


def test_each_part_stands_right_of_what_calls_it(system: Graph) -> None:
    """But for lines that would close a circle: the worker hands chunks back to its own queue."""
    found = layered(system)
    column = {id: number for number, each in enumerate(found.columns) for id in each}
    for line in found.lines:
        steps = [column[id] for id in line.through]
        assert line.back or steps == list(range(steps[0], steps[-1] + 1))
    assert {(line.edge.source, line.edge.target) for line in found.lines if line.back} <= {
        ("function.birthday.worker", "queue.bday-messages")
    }


def test_nothing_stands_on_anything(system: Graph) -> None:
    """No box touches another, each stands in its service's lane, and everything on the paper."""
    found = placed(system)
    for one, other in itertools.combinations(found.boxes, 2):
        assert abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT, (one, other)
    lanes = {strip.name: strip for strip in found.strips}
    for box in found.boxes:
        assert WIDTH / 2 <= box.x <= found.width - WIDTH / 2
        assert HEIGHT / 2 <= box.y <= found.height - HEIGHT / 2
        if box.node.lane:
            lane = lanes[box.node.lane]
            assert lane.x <= box.x - WIDTH / 2
            assert box.x + WIDTH / 2 <= lane.x + lane.width
            assert lane.y <= box.y - HEIGHT / 2
            assert box.y + HEIGHT / 2 <= lane.y + lane.height
    for above, below in itertools.pairwise(found.strips):
        assert above.y + above.height < below.y


def any_system(seed: int) -> Manifest:
    """Some services, whose functions are woken by anything and write to any queue and database."""
    chance = random.Random(seed)
    queues = [f"q{number}" for number in range(chance.randint(0, 6))]
    databases = [DatabaseEntry(f"d{number}", "x") for number in range(chance.randint(1, 6))]
    services: list[ServiceEntry] = []
    for name in [f"s{number}" for number in range(chance.randint(1, 8))]:
        mine = [queue for queue in queues if queue not in {q.name for s in services for q in s.queues}][:2]
        functions = tuple(_any_function(chance, name, number, queues, databases) for number in range(1, 6))
        woken = [each.name for each in functions if each.kind == "queue"]
        services.append(
            ServiceEntry(
                name,
                "",
                'about "it" & <more>',
                f"services/{name}",
                chance.choice([None, *databases]),
                functions,
                tuple(ScheduleEntry(each.name, 60) for each in functions if each.kind == "schedule"),
                tuple(
                    QueueEntry(queue, chance.choice([None, *woken]), 10, 10, 5, 86_400, 86_400, 180)
                    for queue in mine
                ),
                (),
                (),
                (),
            )
        )
    declared = {queue.name for service in services for queue in service.queues}
    used = {service.database for service in services}
    return Manifest(tuple(_with_what_there_is(service, declared, used) for service in services))


def _any_function(
    chance: random.Random, service: str, number: int, queues: list[str], databases: list[DatabaseEntry]
) -> FunctionEntry:
    kind: Kind = chance.choice(["http", "invoke", "queue", "schedule"])
    return FunctionEntry(
        f"f{number}", f"{service}-f{number}", kind, "m", "h",
        (RouteEntry("GET", f"/{number}", "h", 200),) if kind == "http" else (),
        30, 512, None, chance.random() < 0.3, chance.random() < 0.7,
        tuple(queue for queue in queues if chance.random() < 0.3), (), (),
        tuple(databases) if chance.random() < 0.1 else (),
    )  # fmt: skip


def _with_what_there_is(
    service: ServiceEntry, queues: set[str], databases: set[DatabaseEntry | None]
) -> ServiceEntry:
    functions = tuple(
        msgspec.structs.replace(
            each,
            sends=tuple(queue for queue in each.sends if queue in queues),
            migrates=tuple(database for database in each.migrates if database in databases),
        )
        for each in service.functions
    )
    return msgspec.structs.replace(service, functions=functions)


@pytest.mark.parametrize("seed", range(25))
def test_nothing_stands_on_anything_whatever_the_system(seed: int) -> None:
    """No box on another or off the paper, no line through a box, and what is written is XML."""
    drawn = graph(any_system(seed))
    found = placed(drawn)
    ElementTree.fromstring(svg(drawn))
    for one, other in itertools.combinations(found.boxes, 2):
        assert abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT - 0.01
    for box in found.boxes:
        assert HEIGHT / 2 <= box.y <= found.height - HEIGHT / 2
        for path in found.paths:
            for x, y in path.points[1:-1]:
                assert abs(box.x - x) >= WIDTH / 2 or abs(box.y - y) >= HEIGHT / 2 - 0.01


def test_one_small_service_has_room_beside_it() -> None:
    """Its database and the internet stand below each other, taller than its own lane, inside the margin."""
    only = any_system(0).services[0]
    function = msgspec.structs.replace(only.functions[0], kind="invoke", routes=(), sends=(), migrates=())
    database = DatabaseEntry("d", "x")
    function = msgspec.structs.replace(function, internet=True, database=True)
    small = msgspec.structs.replace(only, functions=(function,), schedules=(), queues=(), database=database)
    found = placed(graph(Manifest((small,))))
    first, second = sorted(box.y for box in found.boxes if box.node.kind in ("database", "internet"))
    assert second - first >= HEIGHT
    assert first - HEIGHT / 2 >= 20
    assert second + HEIGHT / 2 <= found.height - 20


def test_a_line_passes_between_boxes(system: Graph) -> None:
    """Where it is level inside a column, no box is in its way."""
    found = placed(system)
    for path in found.paths:
        for x, y in path.points[1:-1]:
            for box in found.boxes:
                inside = abs(box.x - x) < WIDTH / 2 and abs(box.y - y) < HEIGHT / 2
                assert not inside, (path.line.edge, box.node.id)


def test_the_three_forms_show_the_same(system: Graph) -> None:
    picture = ElementTree.fromstring(svg(system))
    words = {text.text for text in picture.iter(f"{SVG}text")}
    file = ElementTree.fromstring(drawio(system))
    cells = {cell.get("id"): cell for cell in file.iter("mxCell")}
    text = mermaid(system)
    for node in system.nodes:
        assert node.name in words, node.name
        assert (cells[node.id].get("value") or "").startswith(node.name)
        assert f'"{node.name}' in text
    arrows = [cell for cell in cells.values() if cell.get("edge")]
    assert len(arrows) == len(system.edges) == sum("->" in line for line in text.splitlines())
    lines = [path for path in picture.iter(f"{SVG}path") if path.get("marker-end")]
    assert len(lines) == len(system.edges) + len({edge.way for edge in system.edges})


def test_the_same_declaration_gives_the_same_bytes(system: Graph) -> None:
    """In another process, whose sets are in another order."""
    program = (
        "import sys; from pathlib import Path; from lamppost.pack.discover import discover;"
        "from lamppost.derive.diagram.graph import graph; from lamppost.derive.diagram.svg import svg;"
        "sys.stdout.write(svg(graph(discover(Path('.')))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == svg(system)


def test_the_picture_needs_nothing_else(system: Graph) -> None:
    """By day and by night it has colours of its own; no script, no font, no picture is fetched."""
    text = svg(system)
    assert "prefers-color-scheme:dark" in text
    assert not any(word in text for word in ("<script", "href=", "@import", "url(http", "<image"))


def test_the_command_draws_one_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    out = tmp_path / "pictures" / "users.svg"
    assert run(["diagram", "users", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parts"] > 3
    assert "birthday" not in out.read_text()
    assert run(["diagram", "--format", "mermaid"]) == 0
    assert capsys.readouterr().out.startswith("flowchart LR\n")
    assert run(["diagram", "nobody"]) == 1
    assert json.loads(capsys.readouterr().err)["code"] == "no_such_service"
