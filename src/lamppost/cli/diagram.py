"""`lamppost diagram`: what the services are, and who calls whom, as a picture."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from lamppost.cli.output import show
from lamppost.cli.running import Json
from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from lamppost.derive.manifest import Manifest


def diagram(
    *services: Annotated[str, Parameter(help="These services only.")],
    form: Annotated[
        Literal["svg", "mermaid", "drawio"],
        Parameter(name="--format", help="A picture, text for Markdown, or a file for draw.io."),
    ] = "svg",
    out: Annotated[Path | None, Parameter(help="The file to write, instead of printing it.")] = None,
    json: Json = False,
) -> None:
    """Draw the system from its declarations: services, functions, queues, databases, and who calls whom.

    Nothing runs and nothing is asked. The same declaration gives the same bytes: commit the picture, and a
    change of the architecture is seen in review.

        lamppost diagram --out docs/system.svg
    """
    from lamppost.derive.diagram.drawio import drawio
    from lamppost.derive.diagram.graph import graph
    from lamppost.derive.diagram.mermaid import mermaid
    from lamppost.derive.diagram.svg import svg
    from lamppost.pack.discover import discover

    drawn = graph(_only(discover(Path.cwd()), services))
    text = {"svg": svg, "mermaid": mermaid, "drawio": drawio}[form](drawn)
    if out is None:
        sys.stdout.write(text)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, "utf-8")
    told = {"file": str(out), "format": form, "parts": len(drawn.nodes), "lines": len(drawn.edges)}
    show(told, lambda: f"{out}: {len(drawn.nodes)} parts, {len(drawn.edges)} lines", as_json=json)


def _only(manifest: "Manifest", services: tuple[str, ...]) -> "Manifest":
    from lamppost.derive.manifest import Manifest

    known = {service.name for service in manifest.services}
    for name in services:
        if name not in known:
            raise OperatorError(
                f"there is no service {name!r}",
                fix=f"one of: {', '.join(sorted(known))}",
                code="no_such_service",
            )
    return Manifest(tuple(each for each in manifest.services if not services or each.name in services))
