"""`lamppost pack`: the zips that go to AWS, and what is large in them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from lamppost.cli.output import show, table
from lamppost.cli.running import DEFAULT_DATA, Json
from lamppost.declare import names

if TYPE_CHECKING:
    from lamppost.pack.assets import Asset, Packed


def pack(
    *,
    out: Annotated[Path, Parameter(help="The folder for the zips.")] = DEFAULT_DATA / "packages",
    stage: Annotated[str, Parameter(help="Production is not packed without byte code.")] = "dev",
    report: Annotated[bool, Parameter(negative=(), help="Also name the largest files of each zip.")] = False,
    json: Json = False,
) -> None:
    """Pack every service, and the layers below them, as they go to AWS.

    A zip is made once for each state of what is in it; DIGEST names that state. Byte code takes a Python of
    Lambda's version: without one, cold starts compile the sources, which is said, and refused for prod.
    """
    from lamppost.pack.assets import largest, pack
    from lamppost.pack.discover import discover
    from lamppost.pack.wheels import default_store

    root = Path.cwd()
    store = default_store() or out / "wheels"
    packed = pack(root, discover(root), out, store=store, must_compile=stage == names.PROD)
    rows = [_row(asset) | ({"largest": dict(largest(asset, 5))} if report else {}) for asset in packed.assets]
    told = {"assets": rows, "functions": packed.functions, "compiled": packed.compiled}
    show(told, lambda: _words(packed, rows), as_json=json)


def _row(asset: "Asset") -> dict[str, Any]:
    return {
        "name": asset.name,
        "kind": asset.kind,
        "path": str(asset.path),
        "size": asset.size,
        "unpacked": asset.unpacked,
        "files": asset.files,
        "digest": asset.digest,
    }


def _words(packed: "Packed", rows: list[dict[str, Any]]) -> str:
    cells = [
        (row["name"], row["kind"], _kb(row["size"]), _kb(row["unpacked"]), row["files"], row["digest"][:12])
        for row in rows
    ]
    parts = [table(cells, ("NAME", "KIND", "KB", "UNPACKED", "FILES", "DIGEST"))]
    parts += [_largest(row) for row in rows if "largest" in row]
    functions = [(name, ", ".join(layers)) for name, layers in packed.functions.items()]
    parts.append(table(functions, ("FUNCTION", "LAYERS")))
    if not packed.compiled:
        parts.append(
            "There is no byte code in them: no Python of Lambda's version is here,"
            " and each cold start takes 1.7 times the CPU."
        )
    return "\n\n".join(parts)


def _largest(row: dict[str, Any]) -> str:
    return table([(_kb(size), name) for name, size in row["largest"].items()], ("KB", f"IN {row['name']}"))


def _kb(size: int) -> str:
    return f"{size / 1000:,.1f}"
