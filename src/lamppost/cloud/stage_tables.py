"""The tables that a stage may have in `infra/stages.toml`, and what is checked of them together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lamppost.cloud import domain_settings, edge_settings, identity_settings, tuned, windows

if TYPE_CHECKING:
    from lamppost.cloud.stages import StageSettings

TABLES: dict[str, type[Any]] = {
    "people": identity_settings.People,
    "edge": edge_settings.Edge,
    "domain": domain_settings.Domain,
    "functions": tuned.Tuned,
}


def mistakes(settings: "StageSettings", *, shared: bool) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to write instead. A `shared` stage stands for one of each pull request."""
    yield from windows.mistakes(settings.backup_window, settings.maintenance_window)
    for name, found in settings.functions.items():
        yield from tuned.mistakes(name, found)
    yield from identity_settings.mistakes(settings.people, shared=shared)
    yield from edge_settings.mistakes(settings.edge)
    yield from domain_settings.mistakes(
        settings.domain,
        region=settings.region,
        account=settings.account,
        edge=settings.edge is not None,
        shared=shared,
    )
