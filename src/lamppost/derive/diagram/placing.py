"""Where everything stands, in pixels: lanes below each other, lines as straight as their neighbours allow."""

import msgspec

from lamppost.derive.diagram.graph import Graph, Node
from lamppost.derive.diagram.layers import Layered, Line, layered

WIDTH, HEIGHT = 188, 54
_GAP_X = 56
_GAP_Y = 16
_POINT = 8
# How near a line that is made level may come to what stands above and below it.
_CLOSEST = 6
_LANE_TITLE = 30
_LANE_END = 16
_LANE_GAP = 18
_MARGIN = 24
_ROUNDS = 60
_PORTS = 9


class Box(msgspec.Struct, frozen=True):
    """A node with its middle."""

    node: Node
    x: float
    y: float


class Strip(msgspec.Struct, frozen=True):
    """A service's lane: from its left upper corner."""

    name: str
    about: str
    x: float
    y: float
    width: float
    height: float


class Path(msgspec.Struct, frozen=True):
    """A line's points from source to target: level inside a column, bent between two. `back`: below both."""

    line: Line
    points: tuple[tuple[float, float], ...]


class Placed(msgspec.Struct, frozen=True):
    """A drawing of so many pixels."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    strips: tuple[Strip, ...]
    paths: tuple[Path, ...]


def placed(drawn: Graph) -> Placed:
    """Everything in its place: the same for the same graph."""
    found = layered(drawn)
    nodes = {node.id: node for node in drawn.nodes}
    bounds, bottom = _bounds(drawn, found, nodes)
    y = _heights(found, nodes, bounds, bottom)
    x = {id: _column_x(number) for number, column in enumerate(found.columns) for id in column}
    last = len(found.columns) - 1
    left = _column_x(1) - WIDTH / 2 - 18
    right = _column_x(last - 1) + WIDTH / 2 + 18
    strips = tuple(
        Strip(lane.name, lane.about, left, top, right - left, end - top)
        for lane in drawn.lanes
        for top, end in (bounds[lane.name],)
    )
    boxes = tuple(Box(node, x[node.id], y[node.id]) for node in drawn.nodes)
    return Placed(
        _column_x(last) + WIDTH / 2 + _MARGIN, bottom + _MARGIN, boxes, strips, tuple(_paths(found, x, y))
    )


def _column_x(number: int) -> float:
    # The first and the last column stand outside the lanes.
    return _MARGIN + WIDTH / 2 + number * (WIDTH + _GAP_X)


def _size(id: str, nodes: dict[str, Node]) -> float:
    return HEIGHT if id in nodes else _POINT


def _bounds(
    drawn: Graph, found: Layered, nodes: dict[str, Node]
) -> tuple[dict[str, tuple[float, float]], float]:
    """The upper and lower end of each lane, and where the last one ends."""
    bounds, top = {}, float(_MARGIN)
    for lane in drawn.lanes:
        tallest = max(
            sum(_size(id, nodes) + _GAP_Y for id in column if found.lanes[id] == lane.name)
            for column in found.columns
        )
        bounds[lane.name] = (top, top + _LANE_TITLE + tallest + _LANE_END - _GAP_Y)
        top = bounds[lane.name][1] + _LANE_GAP
    # Many databases beside one small service need more room than its lane.
    shared = max(
        sum(_size(id, nodes) + _GAP_Y for id in column if found.lanes[id] is None) for column in found.columns
    )
    return bounds, max(top - _LANE_GAP, _MARGIN + shared)


def _heights(
    found: Layered, nodes: dict[str, Node], bounds: dict[str, tuple[float, float]], bottom: float
) -> dict[str, float]:
    """The middle of each node and point: near its neighbours', inside its lane, in its column's order."""
    near: dict[str, list[str]] = {id: [] for column in found.columns for id in column}
    for line in found.lines:
        for one, other in zip(line.through, line.through[1:], strict=False):
            if not line.back:
                near[one].append(other)
                near[other].append(one)
    y = {}
    for column in found.columns:
        for id in column:
            top, end = bounds.get(found.lanes[id] or "", (float(_MARGIN), bottom))
            y[id] = (top + end) / 2
    for turn in range(_ROUNDS):
        for column in found.columns if turn % 2 == 0 else reversed(found.columns):
            wanted = {id: _wish(id, near[id], nodes, y) for id in column}
            for lane in dict.fromkeys(found.lanes[id] for id in column):
                held = [id for id in column if found.lanes[id] == lane]
                if lane is None:
                    held.sort(key=wanted.__getitem__)
                    span = (float(_MARGIN), bottom)
                else:
                    span = (bounds[lane][0] + _LANE_TITLE, bounds[lane][1] - _LANE_END)
                _fit(held, wanted, nodes, span, y)
    _straighten(found, nodes, y)
    return y


def _straighten(found: Layered, nodes: dict[str, Node], y: dict[str, float]) -> None:
    """Let a line's points stand level where nothing is in their way, lines that are nearly so first."""
    place = {id: (column, number) for column in found.columns for number, id in enumerate(column)}

    def free(id: str, height: float) -> bool:
        column, number = place[id]
        return all(
            abs(y[column[other]] - height) >= (_size(id, nodes) + _size(column[other], nodes)) / 2 + _CLOSEST
            and (y[column[other]] < height) == (other < number)
            for other in (number - 1, number + 1)
            if 0 <= other < len(column)
        )

    chains = [line.through[1:-1] for line in found.lines if len(line.through) > 3 and not line.back]
    for chain in sorted(chains, key=lambda chain: (_spread(chain, y), chain)):
        heights = [y[id] for id in chain]
        for height in (sum(heights) / len(heights), *heights):
            if all(free(id, height) for id in chain):
                y.update(dict.fromkeys(chain, height))
                break


def _spread(chain: tuple[str, ...], y: dict[str, float]) -> float:
    heights = [y[id] for id in chain]
    return round(max(heights) - min(heights), 3)


def _wish(id: str, near: list[str], nodes: dict[str, Node], y: dict[str, float]) -> float:
    if not near:
        return y[id]
    # A line held by two points shall be straight before it is short.
    weights = [4 if id not in nodes and other not in nodes else 1 for other in near]
    return sum(w * y[other] for w, other in zip(weights, near, strict=True)) / sum(weights)


def _fit(
    held: list[str],
    wanted: dict[str, float],
    nodes: dict[str, Node],
    span: tuple[float, float],
    y: dict[str, float],
) -> None:
    """Give each its wish as far as order, distance and the lane's ends allow."""
    low = span[0]
    for id in held:
        y[id] = max(wanted[id], low + _size(id, nodes) / 2)
        low = y[id] + _size(id, nodes) / 2 + _GAP_Y
    high = span[1]
    for id in reversed(held):
        y[id] = min(y[id], high - _size(id, nodes) / 2)
        high = y[id] - _size(id, nodes) / 2 - _GAP_Y


def _paths(found: Layered, x: dict[str, float], y: dict[str, float]) -> list[Path]:
    out, into = _ports(found, y, outgoing=True), _ports(found, y, outgoing=False)
    paths = []
    for number, line in enumerate(found.lines):
        source, target = line.edge.source, line.edge.target
        if line.back:
            ends = tuple((x[id], y[id] + HEIGHT / 2) for id in (source, target))
            paths.append(Path(line, ends))
            continue
        points = [(x[source] + WIDTH / 2, y[source] + out[number])]
        for point in line.through[1:-1]:
            points += [(x[point] - WIDTH / 2, y[point]), (x[point] + WIDTH / 2, y[point])]
        points.append((x[target] - WIDTH / 2, y[target] + into[number]))
        paths.append(Path(line, tuple(points)))
    return paths


def _ports(found: Layered, y: dict[str, float], *, outgoing: bool) -> dict[int, float]:
    """How far from a node's middle each of its lines begins or ends, so that they do not run into one."""
    held: dict[str, list[tuple[float, int]]] = {}
    for number, line in enumerate(found.lines):
        if not line.back:
            end, other = (0, 1) if outgoing else (-1, -2)
            held.setdefault(line.through[end], []).append((y[line.through[other]], number))
    offsets = {}
    for lines in held.values():
        step = min(_PORTS, (HEIGHT - 16) / max(len(lines) - 1, 1))
        for place, (_, number) in enumerate(sorted(lines)):
            offsets[number] = (place - (len(lines) - 1) / 2) * step
    return offsets
