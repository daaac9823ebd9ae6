"""`lamppost migrate new`: start a migration in the right place, under the right name."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from lamppost.cli.output import show
from lamppost.cli.running import Json
from lamppost.errors import AuthorError
from lamppost.migrate.header import read


def new(
    service: Annotated[str, Parameter(help="The service whose tables change: birthday, …")],
    *description: Annotated[
        str, Parameter(help="What changes, in a few words: they become the file's name.")
    ],
    phase: Annotated[
        Literal["expand", "contract"],
        Parameter(help="contract: it removes what the running code no longer needs."),
    ] = "expand",
    job: Annotated[
        str | None, Parameter(help="A backfill of this table, run outside the deploy: SCHEMA.TABLE.")
    ] = None,
    by: Annotated[str | None, Parameter(help="The key that the backfill follows: id.")] = None,
    json: Json = False,
) -> int:
    """Start a migration of SERVICE: a file with the right name, in the right folder, after all others."""
    from lamppost.migrate.naming import STAMP, check_name

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
    content = _content(" ".join(description).capitalize(), phase, job, by)
    path = folder / "migrations" / name
    path.parent.mkdir(exist_ok=True)
    with path.open("x") as file:
        file.write(content)
    show({"file": str(path)}, lambda: f"write its SQL in {path}", as_json=json)
    return 0


def _content(about: str, phase: str, job: str | None, by: str | None) -> str:
    """What the file begins with. Raises `AuthorError` for a job that the header could not say."""
    if (job is None) != (by is None) or (job is not None and phase == "contract"):
        raise AuthorError(
            "a backfill takes a table and the key it follows, and is no contract file",
            fix="say --job SCHEMA.TABLE --by COLUMN",
            code="migration_directive",
        )
    if job is None:
        first = "-- lamppost: phase contract\n" if phase == "contract" else ""
        return f"{first}-- {about}: say who needs it.\n"
    text = (
        f"-- lamppost: job {job} by {by}\n"
        f"-- {about}: say who needs it. Run for each stretch of keys, from $1 to $2.\n"
        f"update {job}\n   set \n where {by} between $1 and $2\n   and ;\n"
    )
    if read(text).wrong:
        raise AuthorError(
            f"{job} by {by} names no table and column",
            fix="say --job SCHEMA.TABLE --by COLUMN",
            code="migration_directive",
        )
    return text


def _known_services() -> str:
    return (
        ", ".join(sorted(path.parent.name for path in Path("services").glob("*/service.py"))) or "(none here)"
    )
