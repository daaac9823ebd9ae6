"""`lamppost migrate new`: start a migration in the right place, under the right name."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.output import show
from lamppost.cli.running import Json
from lamppost.errors import AuthorError


def new(
    service: Annotated[str, Parameter(help="The service whose tables change: birthday, …")],
    *description: Annotated[
        str, Parameter(help="What changes, in a few words: they become the file's name.")
    ],
    json: Json = False,
) -> int:
    """Start a migration of SERVICE: a file with the right name, in the right folder, after all others."""
    from lamppost.migrate.files import STAMP, check_name

    folder = Path("services") / service
    if not folder.is_dir():
        raise AuthorError(
            f"there is no service folder {folder}",
            fix="name one of: " + _known_services(),
            code="migration_owner",
        )
    about = "_".join(re.findall(r"[a-z0-9]+", " ".join(description).lower()))
    stamp = datetime.now(UTC)
    newest = max((path.name for path in (folder / "migrations").glob("*.sql")), default="")
    if newest[: len("2025-11-01T0900")] >= stamp.strftime(STAMP):
        # A file that sorts before an applied one would be refused as late.
        stamp = datetime.strptime(newest[: len("2025-11-01T0900")], STAMP).replace(tzinfo=UTC) + timedelta(
            minutes=1
        )
    name = f"{stamp.strftime(STAMP)}__{service}__{about}.sql"
    check_name(name, service)
    path = folder / "migrations" / name
    path.parent.mkdir(exist_ok=True)
    with path.open("x") as file:
        file.write(f"-- {' '.join(description).capitalize()}: say who needs it.\n")
    show({"file": str(path)}, lambda: f"write its SQL in {path}", as_json=json)
    return 0


def _known_services() -> str:
    return (
        ", ".join(sorted(path.parent.name for path in Path("services").glob("*/service.py"))) or "(none here)"
    )
