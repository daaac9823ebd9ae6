"""Whose file it is: by its folder (`<service>/migrations`, beside a service.py), else by its name."""

from pathlib import Path

from lamppost.migrate.naming import service_of


def owner(path: Path) -> str | None:
    """The service a file belongs to, if anything tells."""
    return of_folder(path.parent) or service_of(path.name)


def of_folder(folder: Path) -> str | None:
    """The service whose migrations folder this is: there the runner reads every file."""
    folder = folder.absolute()
    is_one = folder.name == "migrations" and (folder.parent / "service.py").is_file()
    return folder.parent.name if is_one else None
