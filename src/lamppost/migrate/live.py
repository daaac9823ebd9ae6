"""Note that a release is live: from now on contract files may count the hours."""

from lamppost.errors import OperatorError
from lamppost.migrate import releases
from lamppost.migrate.contract import Release
from lamppost.migrate.files import Bundle
from lamppost.migrate.held import held
from lamppost.migrate.plan import plan


def live(conninfo: str, bundle: Bundle, *, role: str | None = None) -> tuple[Release, ...]:
    """Record that the code released with the files of `bundle` serves requests; what is new of that.

    Say it as often as you like: the same files twice are one release. Raises `OperatorError` while expand
    files are missing from the database, for then that code cannot be live.
    """
    with held(conninfo, role) as connection:
        todo = plan(connection, bundle, allow_late=True)
        lacking = [migration.name for migration in todo.pending if migration.phase == "expand"]
        if lacking:
            raise OperatorError(
                f"code that needs {lacking[0]} cannot be live: it is not applied",
                fix="apply first: lamppost migrate apply",
                code="migration_live",
            )
        return releases.record(connection, bundle)
