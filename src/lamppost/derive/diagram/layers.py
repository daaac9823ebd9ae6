"""Columns and their order: each part stands right of what calls it, and lines cross seldom.

After Sugiyama, Tagawa and Toda (1981): longest paths give the columns, a line that passes a column is held by
a point in it, and each column is ordered by where its neighbours stand. Services stay together throughout.
"""

import msgspec

from lamppost.derive.diagram.graph import Edge, Graph, Kind

# The first column in which a kind may stand. The last one is for what all share.
_FIRST: dict[Kind, int] = {"people": 0, "operators": 0, "api": 1, "schedule": 1, "function": 2, "queue": 3}
_LAST = ("database", "internet")
_SWEEPS = 12


class Line(msgspec.Struct, frozen=True):
    """An edge and the points that hold it, source and target included. `back` leads to an earlier column."""

    edge: Edge
    through: tuple[str, ...]
    back: bool = False


class Layered(msgspec.Struct, frozen=True):
    """Columns of nodes and points in their order, the lane of each, and the lines between them."""

    columns: tuple[tuple[str, ...], ...]
    lanes: dict[str, str | None]
    lines: tuple[Line, ...]


def layered(drawn: Graph) -> Layered:
    """The columns of `drawn`: the same for the same graph."""
    column = _columns(drawn)
    lanes = {node.id: node.lane for node in drawn.nodes}
    lines: list[Line] = []
    for number, edge in enumerate(drawn.edges):
        first, last = column[edge.source], column[edge.target]
        if last <= first:
            lines.append(Line(edge, (edge.source, edge.target), back=True))
            continue
        points = [f"point.{number}.{between}" for between in range(first + 1, last)]
        lane = lanes[edge.source] or lanes[edge.target]
        for between, point in enumerate(points, start=first + 1):
            column[point], lanes[point] = between, lane
        lines.append(Line(edge, (edge.source, *points, edge.target)))
    return Layered(_ordered(drawn, column, lanes, lines), lanes, tuple(lines))


def _columns(drawn: Graph) -> dict[str, int]:
    """Each node's column: one right of the last that calls it, unless that would close a circle."""
    column = {node.id: _FIRST.get(node.kind, 0) for node in drawn.nodes}
    after: dict[str, list[str]] = {node.id: [] for node in drawn.nodes}
    for edge in drawn.edges:
        if not _reaches(after, edge.target, edge.source):
            after[edge.source].append(edge.target)
    for _ in drawn.nodes:
        for source, targets in after.items():
            for target in targets:
                column[target] = max(column[target], column[source] + 1)
    last = max([column[node.id] for node in drawn.nodes if node.kind not in _LAST], default=0) + 1
    return column | {node.id: last for node in drawn.nodes if node.kind in _LAST}


def _reaches(after: dict[str, list[str]], start: str, goal: str) -> bool:
    seen, ahead = {start}, [start]
    while ahead:
        here = ahead.pop()
        if here == goal:
            return True
        fresh = [each for each in after[here] if each not in seen]
        seen.update(fresh)
        ahead += fresh
    return False


def _ordered(
    drawn: Graph, column: dict[str, int], lanes: dict[str, str | None], lines: list[Line]
) -> tuple[tuple[str, ...], ...]:
    rank = {lane.name: number for number, lane in enumerate(drawn.lanes)}
    columns = [[id for id in column if column[id] == number] for number in range(max(column.values()) + 1)]
    pairs = [
        pair for line in lines if not line.back for pair in zip(line.through, line.through[1:], strict=False)
    ]
    before: dict[str, list[str]] = {id: [] for id in column}
    behind: dict[str, list[str]] = {id: [] for id in column}
    for source, target in pairs:
        behind[source].append(target)
        before[target].append(source)
    for each in columns:
        each.sort(key=lambda id: rank.get(lanes[id] or "", 0))
    at = {id: float(number) for each in columns for number, id in enumerate(each)}
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        near = before if forward else behind
        for each in columns if forward else reversed(columns):
            heights = {id: _mean([at[other] for other in near[id]], at[id]) for id in each}
            each.sort(key=lambda id: (rank.get(lanes[id] or "", -1) if lanes[id] else -1, heights[id]))
            _number(each, at, columns)
    return tuple(map(tuple, columns))


def _number(each: list[str], at: dict[str, float], columns: list[list[str]]) -> None:
    """Positions from 0 to the longest column, so that columns of different lengths compare."""
    longest = max(map(len, columns))
    for number, id in enumerate(each):
        at[id] = (number + 0.5) * longest / len(each)


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
