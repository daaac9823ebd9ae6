"""What would be packed: every asset with its digest, before anything is fetched or compiled.

The digest is of what goes in. It does not depend on when, where, or by which release of zlib a zip is made:
CloudFormation sees a change only where there is one, and a zip that exists need not be made again.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from lamppost.derive.manifest import Manifest
from lamppost.pack import layers, services, wheels
from lamppost.pack.imports import Sources
from lamppost.pack.layers import LAYERS, Layer
from lamppost.pack.shared_objects import check, loaded_part, shared_objects
from lamppost.pack.target import LAMBDA, Target, find_interpreter, interpreter, standard_modules

Kind = Literal["layer", "service"]
Files = dict[str, bytes]
# They read declarations and have no part in the zips.
_OTHERS = ("contract.py", "discover.py")


class Plan(msgspec.Struct, frozen=True):
    """An asset before it is made. `digest` is hexadecimal SHA-256.

    `fill` gives its files, sources only, which will lie below `where`. Those whose path begins with `own` are
    ours: they must compile. Without `python` nothing is compiled.
    """

    name: str
    kind: Kind
    digest: str
    fill: Callable[[], Files]
    where: str
    own: str
    python: Path | None


class System(msgspec.Struct, frozen=True):
    """Every asset, and the names of the layers that each function (`birthday.worker`) is given."""

    plans: tuple[Plan, ...]
    functions: dict[str, tuple[str, ...]]


class _Place(msgspec.Struct, frozen=True):
    """Of what is packed, where wheels are kept, for which target, and the Python that compiles."""

    root: Path
    store: Path
    target: Target
    python: Path | None

    @property
    def ground(self) -> str:
        """What every digest begins with."""
        return _digest(_recipe(), str(self.target), str(self.python is not None))


def plan(
    root: Path, manifest: Manifest, *, store: Path, target: Target = LAMBDA, must_compile: bool = True
) -> System:
    """The assets of the system below `root`; wheels are kept in `store`.

    Byte code takes a Python of the target's version. Where there is none, that is an error, or with
    `must_compile` false the sources go alone and each cold start compiles them. Raises `AuthorError` and
    `OperatorError`.
    """
    python = interpreter(target) if must_compile else find_interpreter(target)
    place = _Place(root, store, target, python)
    sources = Sources({"lamppost": layers.house(), "services": root}, standard_modules(python))
    plans: list[Plan] = []
    held: dict[str, str] = {}
    for layer in LAYERS:
        files = layers.house_files(layer, sources)
        held |= {_module(name): layer.name for name in files if name.endswith(".py")}
        plans.append(_layer(place, layer, files))
    functions: dict[str, tuple[str, ...]] = {}
    for service in manifest.services:
        found = services.contents(service, manifest, root, sources, held)
        functions |= {f"{service.name}.{name}": needed for name, needed in found.layers.items()}
        digest = _digest(place.ground, service.name, _prints(found.files))
        fill = found.files.copy
        plans.append(Plan(service.name, "service", digest, fill, services.PLACE, "services/", python))
    return System(tuple(plans), functions)


def _layer(place: _Place, layer: Layer, house: Mapping[str, Path]) -> Plan:
    pins = wheels.locked(place.root / "requirements" / "layers" / f"{layer.name}.txt", place.target)
    ours = {name: path.read_bytes() for name, path in house.items()}

    def fill() -> Files:
        files = dict(ours)
        for wheel in wheels.fetched(pins, place.target, place.store):
            libraries = wheels.unpacked(wheel).items()
            files |= {layers.PREFIX + name: content for name, content in libraries if layer.wanted(name)}
        check(files, place.target)
        return files | {name: loaded_part(files[name]) for name in shared_objects(files)}

    digest = _digest(place.ground, layer.name, *map(str, pins), _prints(ours))
    return Plan(layer.name, "layer", digest, fill, layers.PLACE, f"{layers.PREFIX}lamppost/", place.python)


def _module(name: str) -> str:
    """`lamppost.db` for `python/lamppost/db/__init__.py`."""
    return name.removeprefix(layers.PREFIX).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _prints(files: Mapping[str, bytes]) -> str:
    return "\n".join(f"{name} {hashlib.sha256(files[name]).hexdigest()}" for name in sorted(files))


@cache
def _recipe() -> str:
    """Changes when the code that packs does: what an older one made is not what this one would."""
    paths = sorted(Path(__file__).parent.glob("*.py"))
    return _digest(*(path.read_text() for path in paths if path.name not in _OTHERS))
