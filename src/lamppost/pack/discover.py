"""Finds the services of a repository and writes their manifest.

`python -m lamppost.pack.discover ROOT` prints the manifest, or one JSON object with `what` and
`fix` and exit code 1: the runner asks in a process of its own, so that it never holds a service's
code and always sees the newest.
"""

import sys
from importlib import import_module
from pathlib import Path

import msgspec

from lamppost.declare.service import Service, System
from lamppost.derive.describe import describe
from lamppost.derive.manifest import Manifest, write
from lamppost.errors import AuthorError, LamppostError


def discover(root: Path) -> Manifest:
    """The manifest of every `services/*/service.py` below `root`. Raises `AuthorError`."""
    system = load(root)
    return describe(system, {service.name: f"services/{service.name}" for service in system.services})


def load(root: Path) -> System:
    """Every service below `root`, its handlers loaded. Raises `AuthorError`."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    found: dict[str, Service] = {}
    for path in sorted(root.glob("services/*/service.py")):
        folder = path.parent.name
        service = _load(folder)
        if service.name != folder:
            raise AuthorError(
                f"services/{folder}/service.py declares the service {service.name!r}",
                fix=f"name it {folder!r}, or rename the folder",
            )
        found[folder] = service
    if not found:
        raise AuthorError(f"no services/*/service.py below {root}", fix="start in the repository's folder")
    return System(tuple(found.values()))


def _load(folder: str) -> Service:
    try:
        service = import_module(f"services.{folder}.service").service
    except LamppostError:
        raise
    except (Exception, SystemExit) as error:  # the author's module may raise anything while it loads
        raise AuthorError(
            f"services/{folder} does not load: {type(error).__name__}: {error}{_where(error, folder)}",
            fix="mend the line named",
        ) from error
    if not isinstance(service, Service):
        raise AuthorError(
            f"services/{folder}/service.py: `service` is not a Service", fix="service = Service(...)"
        )
    return service


def _where(error: BaseException, folder: str) -> str:
    place = ""
    trace = error.__traceback__
    while trace is not None:
        if f"services/{folder}/" in trace.tb_frame.f_code.co_filename:
            place = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return place


def main(root: str) -> int:
    """Print the manifest of `root`, or why there is none."""
    try:
        sys.stdout.buffer.write(write(discover(Path(root))))
    except LamppostError as error:
        sys.stdout.buffer.write(
            msgspec.json.encode({"what": error.what, "fix": error.fix, "code": error.code})
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
