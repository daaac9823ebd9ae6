"""The drawing as draw.io's XML, uncompressed: to be moved about by hand, and seen in a diff."""

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from lamppost.derive.diagram.graph import Graph
from lamppost.derive.diagram.look import HUES, WAYS
from lamppost.derive.diagram.placing import HEIGHT, WIDTH, Box, Path, Placed, Strip, placed

_TEXT = "fontFamily=Helvetica;fontSize=12;html=0;whiteSpace=wrap;"
_STRIP = (
    "rounded=1;arcSize=4;fillColor=#f8fafc;strokeColor=#dbe2ea;verticalAlign=top;align=left;spacingLeft=8;"
    f"{_TEXT}fontStyle=1;"
)
_SHAPES = {
    "database": "shape=cylinder3;size=8;boundedLbl=1;",
    "bucket": "shape=cylinder3;size=8;boundedLbl=1;",
    "people": "rounded=1;arcSize=50;",
    "operators": "rounded=1;arcSize=50;",
    "internet": "rounded=1;arcSize=50;",
    "dead": "rounded=1;dashed=1;",
}


def drawio(drawn: Graph) -> str:
    """`drawn` as a file for draw.io: the same bytes for the same graph."""
    return "\n".join(_lines(placed(drawn))) + "\n"


def _lines(found: Placed) -> Iterator[str]:
    yield '<mxfile host="lamppost"><diagram id="system" name="System">'
    yield f'<mxGraphModel page="0" dx="{found.width:g}" dy="{found.height:g}"><root>'
    yield '<mxCell id="0"/><mxCell id="1" parent="0"/>'
    yield from (_strip(each) for each in found.strips)
    yield from (_box(each) for each in found.boxes)
    for number, each in enumerate(found.paths):
        yield _path(f"edge.{number}", each)
    yield "</root></mxGraphModel></diagram></mxfile>"


def _strip(each: Strip) -> str:
    return _cell(f"lane.{each.name}", each.name, _STRIP, (each.x, each.y, each.width, each.height))


def _box(each: Box) -> str:
    node = each.node
    value = f"{node.name}\n{node.about}" if node.about else node.name
    style = (
        f"{_SHAPES.get(node.kind, 'rounded=1;')}strokeColor={HUES[node.kind][0]};fillColor=#ffffff;{_TEXT}"
    )
    return _cell(node.id, value, style, (each.x - WIDTH / 2, each.y - HEIGHT / 2, WIDTH, HEIGHT))


def _cell(id: str, value: str, style: str, place: tuple[float, float, float, float]) -> str:
    x, y, width, height = place
    return (
        f"<mxCell id={quoteattr(id)} value={quoteattr(value)} style={quoteattr(style)}"
        f' vertex="1" parent="1"><mxGeometry x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
        ' as="geometry"/></mxCell>'
    )


def _path(id: str, each: Path) -> str:
    edge = each.line.edge
    kind, words = WAYS[edge.way]
    dashed = "dashed=1;" if edge.way in ("dead", "order") else ""
    style = f"edgeStyle=none;curved=1;{dashed}strokeColor={HUES[kind][0]};endArrow=block;endSize=5;"
    points = "".join(f'<mxPoint x="{x:.1f}" y="{y:.1f}"/>' for x, y in each.points[1:-1])
    return (
        f'<mxCell id={quoteattr(id)} style={quoteattr(style)} edge="1" parent="1"'
        f" source={quoteattr(edge.source)} target={quoteattr(edge.target)} tooltip={quoteattr(words)}>"
        f'<mxGeometry relative="1" as="geometry"><Array as="points">{points}</Array></mxGeometry></mxCell>'
    )
