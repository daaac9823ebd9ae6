"""`lamppost migrate repair`: mend a ledger, each change named before it is made."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lamppost.cli.migrate.targets import Folder, Postgres, connected, counted, targets
from lamppost.cli.output import safe, show
from lamppost.cli.running import DEFAULT_DATA, Data, Json
from lamppost.errors import AuthorError

if TYPE_CHECKING:
    from lamppost.migrate.repair import Doubt, Findings, Repair


def repair(
    folder: Folder = None,
    /,
    *,
    yes: Annotated[bool, Parameter(name="--yes", negative=(), help="Make the changes.")] = False,
    ran: Annotated[
        str | None, Parameter(help="The statement in doubt of this file did its work: go on behind it.")
    ] = None,
    again: Annotated[
        str | None, Parameter(help="The statement in doubt of this file did not: send it once more.")
    ] = None,
    data: Data = DEFAULT_DATA,
    postgres: Postgres = None,
    json: Json = False,
) -> int:
    """List what is wrong in the ledgers, and with --yes mend it. No row of a service is touched.

    Exit 1 while something is left to mend or to decide.
    """
    from lamppost.migrate.repair import look, settle
    from lamppost.migrate.repair import repair as mend

    if ran and again:
        raise AuthorError("--ran and --again exclude each other", fix="say one", code="repair_settled")
    chosen = ran or again
    settled: dict[str, Doubt] = {}
    done: dict[str, tuple[Repair, ...]] = {}
    left: dict[str, Findings] = {}
    for target in targets(folder, data, postgres):
        if chosen and any(migration.name == chosen for migration in target.bundle.migrations):
            settled[target.database] = settle(
                target.conninfo, target.bundle, chosen, ran=ran is not None, role=target.role
            )
        with connected(target) as connection:
            found = look(connection, target.bundle)
        if yes and found.repairs:
            done[target.database] = mend(target.conninfo, target.bundle, found.repairs, role=target.role)
            with connected(target) as connection:
                found = look(connection, target.bundle)
        left[target.database] = found
    if chosen and not settled:
        raise AuthorError(
            f"there is no migration {chosen}", fix="write a file's full name", code="repair_settled"
        )
    show(
        {"settled": settled, "done": done, "left": left},
        lambda: _words(settled, done, left, "ran" if ran else "is sent again"),
        as_json=json,
    )
    return 1 if any(one.repairs or one.doubts for one in left.values()) else 0


def _words(
    settled: "dict[str, Doubt]", done: "dict[str, tuple[Repair, ...]]", left: "dict[str, Findings]", how: str
) -> str:
    lines = [f"{name}: {one.name}: statement {one.statement} {how}" for name, one in settled.items()]
    lines += [f"{name}: done: {one.subject}: {one.about}" for name, ones in done.items() for one in ones]
    due = 0
    for name, found in left.items():
        lines += [f"{name}: {one.subject}: {one.about}" for one in found.repairs]
        lines += [
            f"{name}: {one.name}: did statement {one.statement} run? look, then say --ran or --again"
            f" with the file's name:\n    {' '.join(one.text.split())[:160]}"
            for one in found.doubts
        ]
        due += len(found.repairs)
    if due:
        lines.append(f"{counted(due, 'change')} to make: lamppost migrate repair --yes")
    return safe("\n".join(lines or ["nothing to repair"]))
