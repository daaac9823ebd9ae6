"""`lamppost migrate status --stage A --against B`: two places' ledgers side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lamppost.cli.migrate.targets import connected, counted, targets
from lamppost.cli.output import safe, show
from lamppost.errors import OperatorError
from lamppost.migrate import ledger

if TYPE_CHECKING:
    from lamppost.migrate.compare import Difference

Ledgers = Mapping[str, Sequence[ledger.Row]]

LOCAL = "local"


def differences(a: str, b: str, data: Path, json: bool) -> int:
    """Print how `a` and `b` differ; exit 1 when they do. Each is a stage, `local`, or a server's URL."""
    from lamppost.migrate.compare import compare

    left, right = _ledgers(a, data), _ledgers(b, data)
    if not left.keys() & right.keys():
        raise OperatorError(
            f"{_named(a)} and {_named(b)} have no database in common",
            fix="compare two places of one system",
            code="migration_stages",
        )
    found = compare(left, right)
    facts = {"a": _named(a), "b": _named(b), "same": found.none, "difference": found}
    show(facts, lambda: _words(_named(a), _named(b), found), as_json=json)
    return 0 if found.none else 1


def _ledgers(place: str, data: Path) -> Ledgers:
    if place != LOCAL and not _is_url(place):
        from lamppost.migrate.remote import ledger as told

        return told(place)
    found = {}
    for target in targets(None, data, place if _is_url(place) else None):
        with connected(target) as connection:
            found[target.database] = ledger.read(connection)
    return found


def _is_url(place: str) -> bool:
    return "://" in place or "=" in place


def _named(place: str) -> str:
    """A place without its password."""
    if not _is_url(place):
        return place
    if "://" not in place:
        return "that server"
    parts = urlsplit(place)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"


def _words(a: str, b: str, found: "Difference") -> str:
    if found.none:
        return safe(f"{a} and {b} have the same migrations")
    lines = [f"only {a}: {name}" for name in found.only_a]
    lines += [f"only {b}: {name}" for name in found.only_b]
    lines += [f"{one.database}/{one.name}: {a} has {one.a}, {b} has {one.b}" for one in found.hashes]
    lines += [
        f"head of {one.service} in {one.database}: {a} {one.a or '(none)'}, {b} {one.b or '(none)'}"
        for one in found.heads
    ]
    count = len(found.only_a) + len(found.only_b) + len(found.hashes)
    return safe("\n".join([*lines, f"{counted(count, 'migration')} differ"]))
