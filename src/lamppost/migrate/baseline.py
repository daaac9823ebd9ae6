"""Adopting a database that was made without us: files are recorded as applied and not run."""

from collections.abc import Sequence

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate import ledger, records
from lamppost.migrate.files import PLATFORM, Bundle, Migration
from lamppost.migrate.held import held
from lamppost.migrate.run import tool
from lamppost.migrate.states import classify


def baseline(
    conninfo: str, bundle: Bundle, *, upto: str | None, why: str, role: str | None = None
) -> tuple[str, ...]:
    """Record the files of the service of `upto`, up to and with it, or all files (None); the names added.

    `why` is kept with each row. The platform's own files are never among them: they run, as they make
    what no other tool made. Doing it again adds nothing. Raises `AuthorError` for an unknown name,
    `OperatorError` when the ledger already says something else.
    """
    chosen = _chosen(bundle, upto)
    if not why.strip():
        raise AuthorError(
            "a baseline needs a reason", fix='say it: --why "made by dbmate until May"', code="baseline_why"
        )
    with held(conninfo, role) as connection, connection.transaction():
        _refuse_other(bundle, chosen, ledger.read(connection))
        name = tool()
        return tuple(one.name for one in chosen if records.adopt(connection, one, tool=name, why=why.strip()))


def _chosen(bundle: Bundle, upto: str | None) -> tuple[Migration, ...]:
    own = tuple(one for one in bundle.migrations if one.service != PLATFORM)
    if upto is None:
        return own
    last = next((one for one in own if one.name == upto), None)
    if last is None:
        raise AuthorError(
            f"there is no migration {upto}",
            fix="write a file's full name, as `lamppost migrate status` shows it",
            code="baseline_name",
        )
    return tuple(one for one in own if one.service == last.service and one.name <= last.name)


def _refuse_other(bundle: Bundle, chosen: Sequence[Migration], rows: Sequence[ledger.Row]) -> None:
    """Raise unless every row of these services is one of the files, as it stands."""
    names, services = {one.name for one in chosen}, {one.service for one in chosen}
    for entry in classify(bundle, rows, allow_late=True).entries:
        known = entry.applied_at is not None and entry.service in services
        if known and (entry.name not in names or entry.state != "applied"):
            raise OperatorError(
                f"the ledger already knows {entry.name} ({entry.state}): this database was adopted before",
                fix="look at it: lamppost migrate status; mend rows with: lamppost migrate repair",
                code="baseline_rows",
            )
