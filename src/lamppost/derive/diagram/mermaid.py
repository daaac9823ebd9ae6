"""The drawing as Mermaid: for pages that render it themselves, as GitHub does."""

from collections.abc import Iterator

from lamppost.derive.diagram.graph import Graph, Kind, Node
from lamppost.derive.diagram.look import HUES, WAYS

_SHAPES: dict[Kind, tuple[str, str]] = {
    "people": ("([", "])"),
    "operators": ("([", "])"),
    "internet": ("([", "])"),
    "schedule": ("{{", "}}"),
    "queue": ("[[", "]]"),
    "dead": ("[[", "]]"),
    "bucket": ("[(", ")]"),
    "database": ("[(", ")]"),
}
_DASHED = ("dead", "order")


def mermaid(drawn: Graph) -> str:
    """`drawn` as Mermaid text: the same for the same graph."""
    return "\n".join(_lines(drawn)) + "\n"


def _lines(drawn: Graph) -> Iterator[str]:
    ids = {node.id: f"n{number}" for number, node in enumerate(drawn.nodes)}
    yield "flowchart LR"
    for node in drawn.nodes:
        if node.lane is None:
            yield f"  {_node(ids[node.id], node)}"
    for number, lane in enumerate(drawn.lanes):
        yield f'  subgraph s{number}["{_text(lane.name)}"]'
        for node in drawn.nodes:
            if node.lane == lane.name:
                yield f"    {_node(ids[node.id], node)}"
        yield "  end"
    for edge in drawn.edges:
        arrow = "-.->" if edge.way in _DASHED else "-->"
        yield f"  {ids[edge.source]} {arrow}|{WAYS[edge.way][1]}| {ids[edge.target]}"
    for kind, (hue, _) in HUES.items():
        held = [ids[node.id] for node in drawn.nodes if node.kind == kind]
        if held:
            yield f"  classDef {kind} stroke:{hue},stroke-width:2px"
            yield f"  class {','.join(held)} {kind}"


def _node(id: str, node: Node) -> str:
    before, after = _SHAPES.get(node.kind, ("[", "]"))
    about = f"<br/><small>{_text(node.about)}</small>" if node.about else ""
    return f'{id}{before}"{_text(node.name)}{about}"{after}'


def _text(text: str) -> str:
    """Mermaid ends a text at a quotation mark, and reads # as the beginning of an entity."""
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
