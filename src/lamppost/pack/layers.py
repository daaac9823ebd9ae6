"""What stands below the services' packages: our run-time modules, and the libraries that functions import.

Each layer is one folder, `python/`, that Lambda puts on the path of imports; where several are attached their
folders become one, so `lamppost` may lie in two. None depends on a service: whoever edits one ships one zip.
"""

from fnmatch import fnmatch
from pathlib import Path

import msgspec

import lamppost
from lamppost.pack.imports import Sources

# Where Lambda unpacks layers, and the folder in them that it puts on the path of imports.
PLACE = "/opt"
PREFIX = "python/"
# Lambda's python3.13 brings these itself.
PROVIDED = (
    "awslambdaric", "boto3", "botocore", "dateutil", "jmespath", "s3transfer", "simplejson", "six", "urllib3",
)  # fmt: skip
# Type checkers, compilers and installers read these, functions do not. Licences stay.
_UNREAD = (
    "*.pyi", "*.pyx", "*.pxd", "*.c", "*.h", "*.pyc", "*/py.typed", "*/tests/*", "*/test/*",
    "*.dist-info/RECORD", "*.dist-info/WHEEL", "*.dist-info/top_level.txt", "*.dist-info/sboms/*",
    "*.dist-info/entry_points.txt",
)  # fmt: skip


class Layer(msgspec.Struct, frozen=True):
    """A layer. `imports` are the libraries it lets a function import, pinned in requirements/layers/NAME.txt.

    `packages` are ours, whole but for `without`; what they import of ours comes along. `trimmed` are files
    (patterns) of the libraries that nothing of ours loads.
    """

    name: str
    about: str
    imports: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    trimmed: tuple[str, ...] = ()

    def wanted(self, name: str) -> bool:
        """Whether the file `name` of a wheel is shipped."""
        return not any(fnmatch(name, pattern) for pattern in (*_UNREAD, *self.trimmed))

    def modules(self, sources: Sources) -> dict[str, Path]:
        """Our modules in it, those of the base layer among them."""
        roots = [module for package in self.packages for module in sources.below(package)]
        return sources.reach(root for root in roots if not root.startswith(self.without or "-")).modules


BASE = Layer(
    "db-layer",
    "what every function needs: lamppost, PostgreSQL's driver, typed JSON, time zones",
    imports=("msgspec", "psycopg", "psycopg_binary", "typing_extensions", "tzdata"),
    # Asked for by nobody while the compiled driver is there, and we speak to PostgreSQL only.
    trimmed=(
        "psycopg/pq/*_ctypes.py", "psycopg/_py_transformer.py", "psycopg/crdb/*", "psycopg/types/shapely.py",
    ),
    packages=(
        "lamppost.declare", "lamppost.observe", "lamppost.settings", "lamppost.db", "lamppost.tokens",
        "lamppost.runtime", "lamppost.delivery",
    ),
    without=("lamppost.delivery.simulator",),
)  # fmt: skip
LAYERS = (
    BASE,
    Layer("http-out", "requests that leave", imports=("pycurl",)),
    Layer(
        "tokens",
        "signatures and keys",
        imports=("cryptography", "joserfc"),
        # Only cffi's compiled half is loaded.
        trimmed=("cffi/*", "pycparser*"),
    ),
    Layer(
        "migrate",
        "PostgreSQL's own parser, and what changes tables",
        imports=("pglast",),
        packages=(
            "lamppost.migrate.rollout",
            "lamppost.migrate.stage",
            "lamppost.migrate.jobs",
            "lamppost.migrate.rotation",
        ),
        trimmed=("pglast/printers/*", "pglast/stream.py", "pglast/visitors.py", "pglast/__main__.py"),
    ),
)


def house() -> Path:
    """The folder that holds the package `lamppost`."""
    return Path(lamppost.__file__).parent.parent


def house_files(layer: Layer, sources: Sources) -> dict[str, Path]:
    """Our files in `layer`, by their place in the zip: modules, and the data that stands beside them."""
    modules = layer.modules(sources)
    if layer is not BASE:
        below = BASE.modules(sources)
        modules = {name: path for name, path in modules.items() if name not in below}
    paths = set(modules.values())
    for folder in {path.parent for path in paths}:
        paths |= {path for path in folder.iterdir() if path.suffix in (".pem", ".txt")}
    if layer is BASE:
        paths |= set((house() / "lamppost" / "migrations").glob("*.sql"))
    return {PREFIX + path.relative_to(house()).as_posix(): path for path in sorted(paths)}
