"""Whose file it is: by its folder (`<service>/migrations`, beside a service.py), else by its name."""

from pathlib import Path

from lamppost.migrate.lint.shelf import apart
from lamppost.migrate.naming import service_of


def owner(path: str) -> str | None:
    """The service a file belongs to, if anything tells."""
    folder, name = apart(path)
    return of_folder(folder) or service_of(name)


def of_folder(folder: str) -> str | None:
    """The service whose migrations folder this is: there the runner reads every file."""
    if not folder.endswith(("migrations", ".")):
        return None
    place = Path(folder).absolute()
    is_one = place.name == "migrations" and (place.parent / "service.py").is_file()
    return place.parent.name if is_one else None
