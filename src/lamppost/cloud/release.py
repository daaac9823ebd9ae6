"""What a release brings to the tables; the migrator reads the same off the files in its zip."""

from pathlib import Path

import msgspec

from lamppost.derive.manifest import Manifest
from lamppost.migrate.files import discover
from lamppost.migrate.rollouts import digest_of


class Release(msgspec.Struct, frozen=True):
    """The digest of all files, and the name of each service's newest one."""

    digest: str
    heads: dict[str, str]


def release(root: Path, manifest: Manifest) -> Release:
    """The release in the repository `root`. Raises `AuthorError` for a file that could not be applied."""
    bundles = []
    heads: dict[str, str] = {}
    for _, lodgers in manifest.databases().values():
        bundle = discover([(service.name, root / service.folder / "migrations") for service in lodgers])
        bundles.append(bundle)
        heads |= {service.name: files[-1].name for service in lodgers if (files := bundle.of(service.name))}
    return Release(digest_of(bundles), heads)
