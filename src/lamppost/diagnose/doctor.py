"""Every check, in the order in which a person would look. A new check is one line here."""

from collections.abc import Callable, Iterator

import msgspec
import psycopg

from lamppost.diagnose import databases, machine, work
from lamppost.diagnose.finding import Finding
from lamppost.diagnose.place import Place
from lamppost.errors import LamppostError

Check = Callable[[Place], Iterator[Finding]]

CHECKS: dict[str, Check] = {
    "services load": machine.services,
    "the system runs": machine.running,
    "nothing hangs": machine.stale_lock,
    "disk space": machine.disk,
    "file descriptors": machine.descriptors,
    "ports": machine.ports,
    "data folder": machine.data_folder,
    "databases answer": databases.answering,
    "migrations": databases.migrations,
    "indexes": databases.broken_indexes,
    "the app role": databases.app_role,
    "tenants": databases.tenants,
    "clock": databases.clock,
    "functions": work.failing_functions,
    "dead letters": work.dead_letters,
}
# Those that make sense of somebody else's server.
REMOTE = ("services load", "databases answer", "migrations", "indexes", "the app role", "tenants", "clock")


class Report(msgspec.Struct, frozen=True):
    """What was found, and the checks that found nothing."""

    findings: tuple[Finding, ...]
    fine: tuple[str, ...]

    @property
    def wrong(self) -> int:
        """How many findings are more than advice."""
        return sum(finding.severity == "wrong" for finding in self.findings)


def examine(place: Place) -> Report:
    """Run every check that applies to `place`; what two of them say counts once."""
    found: dict[tuple[str, str, str], Finding] = {}
    fine: list[str] = []
    for name, check in CHECKS.items():
        if place.postgres is not None and name not in REMOTE:
            continue
        here = _looked(name, check, place)
        if not here:
            fine.append(name)
        for finding in here:
            found.setdefault((finding.code, finding.where, finding.what), finding)
    return Report(tuple(found.values()), tuple(fine))


def _looked(name: str, check: Check, place: Place) -> list[Finding]:
    """What a check finds. One that cannot look says so, and the others go on."""
    try:
        return list(check(place))
    except LamppostError as error:
        return [Finding(error.code, "wrong", name, error.what, error.fix or "mend what it says")]
    except (psycopg.Error, OSError) as error:
        what = f"this could not be looked at: {str(error).partition(chr(10))[0] or type(error).__name__}"
        return [Finding("check_failed", "wrong", name, what, "mend what it says, and ask again")]
