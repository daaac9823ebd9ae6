"""The drawing as SVG: one file, no script, no font to fetch, readable by day and by night."""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from lamppost.derive.diagram.graph import Graph
from lamppost.derive.diagram.look import SIGNS, WAYS, style
from lamppost.derive.diagram.placing import HEIGHT, WIDTH, Box, Path, Placed, Strip, placed

_LEGEND = 44
# A column's text begins behind its sign and ends before the box does.
_TEXT_X = 36
_ROOM = WIDTH - _TEXT_X - 8
# How wide a letter is at most on average, in pixels for each pixel of its size.
_LETTER = 0.545


def svg(drawn: Graph) -> str:
    """`drawn` as SVG: the same bytes for the same graph."""
    return "\n".join(_parts(drawn, placed(drawn))) + "\n"


def _parts(drawn: Graph, found: Placed) -> Iterator[str]:
    width, height = found.width, found.height + _LEGEND
    used = [way for way in WAYS if any(edge.way == way for edge in drawn.edges)]
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
        f' height="{height:g}" role="img" aria-label="The services, and who calls whom">'
    )
    yield f"<style>{style()}</style>"
    yield "<defs>"
    yield from (_arrow(WAYS[way][0]) for way in dict.fromkeys(used))
    yield "</defs>"
    yield f'<rect class="paper" width="{width:g}" height="{height:g}"/>'
    yield from (_strip(each) for each in found.strips)
    yield from (_path(each) for each in found.paths)
    yield from (_box(each) for each in found.boxes)
    yield from _legend(used, found.height + _LEGEND / 2 - 6)
    yield "</svg>"


def _arrow(kind: str) -> str:
    return (
        f'<marker id="to-{kind}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7"'
        f' orient="auto-start-reverse"><path class="fill-{kind}" d="M0 .8L8 4 0 7.2Z"/></marker>'
    )


def _strip(each: Strip) -> str:
    room = int((each.width - 40 - len(each.name) * 8) / (11 * _LETTER))
    return (
        f'<rect class="lane" x="{each.x:g}" y="{each.y:g}" width="{each.width:g}" height="{each.height:g}"'
        f' rx="10"/><text class="title" x="{each.x + 14:g}" y="{each.y + 20:g}">{escape(each.name)}'
        f'<tspan class="aside" font-weight="400" dx="8">{escape(_short(each.about, room))}</tspan></text>'
    )


def _path(each: Path) -> str:
    edge = each.line.edge
    kind = WAYS[edge.way][0]
    more = {"dead": " dashed", "sql": " thin", "order": " dashed"}.get(edge.way, "")
    return (
        f'<path class="line {kind}{more}" d="{_course(each)}" marker-end="url(#to-{kind})">'
        f"<title>{escape(edge.source)} → {escape(edge.target)}: {WAYS[edge.way][1]}</title></path>"
    )


def _course(each: Path) -> str:
    (x, y), *rest = each.points
    if each.line.back:
        ((to_x, to_y),) = rest
        low = max(y, to_y) + 20
        return f"M{x:.1f} {y:.1f}C{x:.1f} {low:.1f} {to_x:.1f} {low:.1f} {to_x:.1f} {to_y:.1f}"
    course, level = f"M{x:.1f} {y:.1f}", False
    for to_x, to_y in rest:
        if level:
            course += f"L{to_x:.1f} {to_y:.1f}"
        else:
            half = (x + to_x) / 2
            course += f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        x, y, level = to_x, to_y, not level
    return course


def _box(each: Box) -> str:
    node = each.node
    left, top = each.x - WIDTH / 2, each.y - HEIGHT / 2
    lines = [("name", node.name, 12.5)] + ([("about", node.about, 10.5)] if node.about else [])
    first = each.y + (4.5 if len(lines) == 1 else -4)
    texts = "".join(
        f'<text class="{kind}" x="{left + _TEXT_X:g}" y="{first + number * 16:g}">'
        f"{escape(_short(text, int(_ROOM / (size * _LETTER))))}</text>"
        for number, (kind, text, size) in enumerate(lines)
    )
    dashed = " dashed" if node.kind == "dead" else ""
    return (
        f"<g><title>{escape(node.name)}{escape(': ' + node.about if node.about else '')}</title>"
        f'<rect class="box{dashed}" x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<rect class="fill-{node.kind}" x="{left:g}" y="{top + 8:g}" width="3" height="{HEIGHT - 16}"/>'
        f'<path class="sign {node.kind}" transform="translate({left + 12:g} {each.y - 8:g})"'
        f' d="{SIGNS[node.kind]}"/>{texts}</g>'
    )


def _legend(used: list[str], y: float) -> Iterator[str]:
    x = 24.0
    for way in used:
        kind, words = WAYS[way]
        more = {"dead": " dashed", "sql": " thin", "order": " dashed"}.get(way, "")
        yield (
            f'<path class="line {kind}{more}" d="M{x:g} {y:g}h28" marker-end="url(#to-{kind})"/>'
            f'<text class="aside" x="{x + 36:g}" y="{y + 4:g}">{words}</text>'
        )
        x += 36 + len(words) * 11 * _LETTER + 24


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 1)].rstrip() + "…"
