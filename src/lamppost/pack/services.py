"""What a service's package holds: the modules its functions reach, its data, and its own manifest."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from lamppost.derive.manifest import FunctionEntry, Manifest, ServiceEntry, write
from lamppost.errors import AuthorError
from lamppost.pack.imports import Reach, Sources
from lamppost.pack.layers import BASE, LAYERS, PROVIDED
from lamppost.settings.package import MANIFEST

# Where Lambda unpacks a function's package.
PLACE = "/var/task"
# Folders that functions do not read; the migrator's package takes the migrations of all.
_NOT_SHIPPED = ("migrations", "tests", "__pycache__")
# Modules are shipped when they are reached; the rest is for people, or left behind by their editors.
_NOT_DATA = (".py", ".pyc", ".pyi", ".md", "~", ".swp", ".tmp", ".log")
_PRIVATE_KEY = b" PRIVATE KEY-----"


class Contents(msgspec.Struct, frozen=True):
    """`files` by their place in the zip; `layers` names, for each function, those it must be given."""

    files: dict[str, bytes]
    layers: dict[str, tuple[str, ...]]


def contents(
    service: ServiceEntry, manifest: Manifest, root: Path, sources: Sources, held: Mapping[str, str]
) -> Contents:
    """The package of `service`. `held` says which layer holds a module of ours, by the module's name.

    Raises `AuthorError` when a function imports what is neither in the package nor in a layer.
    """
    paths: set[Path] = set()
    layers: dict[str, tuple[str, ...]] = {}
    for function in service.functions:
        reach = sources.reach(_roots(service, function))
        _stay_home(service, function, reach)
        paths |= {path for name, path in reach.modules.items() if name not in held and not _ours(name)}
        layers[function.name] = _layers(f"{service.name}.{function.name}", reach, held)
    paths |= _data(root / service.folder)
    _keep_secrets(service, paths)
    migrates = any(function.migrates for function in service.functions)
    if migrates:
        folders = [root / one.folder / "migrations" for one in manifest.services]
        paths |= {path for folder in folders for path in folder.glob("*.sql")}
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(paths)}
    return Contents(files | {MANIFEST: write(_manifest(service, manifest, migrates))}, layers)


def _roots(service: ServiceEntry, function: FunctionEntry) -> list[str]:
    return [function.module] + ([service.problems.module] if service.problems else [])


def _ours(module: str) -> bool:
    return module.partition(".")[0] == "lamppost"


def _stay_home(service: ServiceEntry, function: FunctionEntry, reach: Reach) -> None:
    own = service.folder.replace("/", ".")
    for module in reach.modules:
        if not _ours(module) and module.count(".") > 1 and not f"{module}.".startswith(f"{own}."):
            raise AuthorError(
                f"{service.name}.{function.name} imports {module}, another service's module",
                fix="send it a message, or call its route",
                code="pack_import",
            )


def _layers(function: str, reach: Reach, held: Mapping[str, str]) -> tuple[str, ...]:
    needed = {BASE.name}
    for module in filter(_ours, reach.modules):
        if module not in held:
            raise AuthorError(
                f"{function} imports {module}, which stays on the author's machine",
                fix="import what lamppost/pack/layers.py names",
                code="pack_import",
            )
        needed.add(held[module])
    for library, place in reach.outside.items():
        layer = next((layer.name for layer in LAYERS if library in layer.imports), None)
        if layer is not None:
            needed.add(layer)
        elif library not in PROVIDED:
            raise AuthorError(
                f"{place} imports {library}, which is in no layer",
                fix="do without it, or give it a layer in lamppost/pack/layers.py and requirements/layers",
                code="pack_import",
            )
    return tuple(layer.name for layer in LAYERS if layer.name in needed)


def _keep_secrets(service: ServiceEntry, paths: set[Path]) -> None:
    for path in paths:
        if path.suffix != ".py" and _PRIVATE_KEY in path.read_bytes():
            raise AuthorError(
                f"{service.folder}/…/{path.name} holds a private key, and a package is no place for one",
                fix="keep it in Secrets Manager: Service(secrets=...)",
                code="pack_secret",
            )


def _data(folder: Path) -> set[Path]:
    return {
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.endswith(_NOT_DATA)
        and not any(part in _NOT_SHIPPED or part.startswith(".") for part in path.relative_to(folder).parts)
    }


def _manifest(service: ServiceEntry, manifest: Manifest, migrates: bool) -> Manifest:
    """Of the others the migrator needs to know where their tables are: an edit of them is no news to it."""
    others = tuple(one for one in manifest.services if one.name != service.name) if migrates else ()
    return Manifest((service, *(_tables(other) for other in others)))


def _tables(service: ServiceEntry) -> ServiceEntry:
    return ServiceEntry(
        name=service.name,
        prefix=service.prefix,
        about="",
        folder=service.folder,
        database=service.database,
        functions=(),
        schedules=(),
        queues=(),
        parameters=(),
        secrets=(),
        environment=(),
        tenants=service.tenants,
    )
