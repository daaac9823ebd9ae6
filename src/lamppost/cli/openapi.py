"""`lamppost openapi`: what each API promises, as OpenAPI 3.1."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from lamppost.cli.output import show
from lamppost.cli.running import DEFAULT_DATA, Data, Json, find
from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from lamppost.derive.openapi.document import Place


def openapi(
    service: Annotated[str, Parameter(help="Which API, where there are several.")] = "",
    *,
    out: Annotated[
        Path | None, Parameter(help="Write each document to this folder, as SERVICE.openapi.json.")
    ] = None,
    running: Annotated[
        bool,
        Parameter(negative=(), help="As it stands on the running system: its address, its open doors."),
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Print what an API promises: routes, types, refusals and their codes, as OpenAPI 3.1.

    It is read off the declaration and the handlers' types, so it needs nothing that runs. The same
    declaration gives the same bytes: commit it, and a change of the contract is seen in review.
    """
    from lamppost.derive.openapi.document import write
    from lamppost.pack.contract import documents

    made = documents(Path.cwd(), _places(data) if running else None)
    if service:
        made = {service: _one(made, service)}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, document in made.items():
            (out / f"{name}.openapi.json").write_bytes(write(document))
        written = {name: str(out / f"{name}.openapi.json") for name in made}
        show(written, lambda: "\n".join(written.values()), as_json=json)
    else:
        sys.stdout.write(write(_one(made, service)).decode())


def _one(made: dict[str, Any], service: str) -> Any:
    if not service and len(made) == 1:
        return next(iter(made.values()))
    if service not in made:
        raise OperatorError(
            f"there is no API {service!r}" if service else "there are several APIs",
            fix=f"name one of: {', '.join(made) or 'none has routes'}; or write all with --out",
            code="no_such_api",
        )
    return made[service]


def _places(data: Path) -> "dict[str, Place]":
    from lamppost.derive.openapi.document import Place

    running = find(data)
    issuer = f"{running.console}_identity"
    return {name: Place(url, issuer) for name, url in running.apis.items()}
