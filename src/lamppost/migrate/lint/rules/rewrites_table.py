"""A table written anew under a lock."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, Cluster, Found, OtherAction, Severity, Vacuum
from lamppost.migrate.lint.state import State

NAME = "rewrites-table"
SEVERITY: Severity = "block"
WHEN = "vacuum full, cluster, or a change of tablespace, access method or logging"
HARM = "nobody reads or writes the table while all of it is written anew"
INSTEAD = "leave it, or do it with pg_repack outside the deploy"

ON = (OtherAction, Cluster, Vacuum)

_REWRITES = {
    "AT_SetLogged": "logged",
    "AT_SetUnLogged": "unlogged (and its rows do not survive a crash)",
    "AT_SetTableSpace": "in another tablespace",
    "AT_SetAccessMethod": "with another access method",
}


def check(what: AlterTable | Cluster | Vacuum, at: State) -> Iterator[Found]:
    """Plain vacuum lets everybody go on."""
    match what:
        case Vacuum(full=True):
            names = ", ".join(map(str, what.tables)) or "every table"
            yield Found(f"nobody reads or writes {names} until vacuum full ends")
        case Cluster() if what.table is None or not at.is_new(what.table):
            yield Found(f"nobody reads or writes {what.table or 'any clustered table'} until cluster ends")
        case AlterTable(table=table, actions=actions) if not at.is_new(table):
            for action in actions:
                if isinstance(action, OtherAction) and action.kind in _REWRITES:
                    yield Found(f"{table} is written anew, {_REWRITES[action.kind]}, while everybody waits")
