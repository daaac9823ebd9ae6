"""`lamppost new`: the beginning of something, in the right place, passing every check."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from lamppost.cli.output import show
from lamppost.cli.running import Json
from lamppost.errors import AuthorError

if TYPE_CHECKING:
    from lamppost.derive.manifest import Manifest

app = App(name="new", help="Begin a service.")


@app.command
def service(
    name: Annotated[str, Parameter(help="Its folder, schema and first path segment: letters and digits.")],
    *,
    database: Annotated[
        str | None, Parameter(help="Whose database it shares, or another name; else one of its own.")
    ] = None,
    json: Json = False,
) -> int:
    """Write a service that works: routes, a table, SQL, a test. A running system serves it at once."""
    from lamppost.cli import scaffold

    scaffold.check_name(name)
    root = Path.cwd()
    folder, tests = root / "services" / name, _tests(root) / f"test_{name}.py"
    for path in (folder, tests):
        if path.exists():
            raise AuthorError(
                f"{path.relative_to(root)} is there already",
                fix="take another name, or remove it",
                code="service_exists",
            )
    chosen = database or name
    contents = scaffold.texts(
        name, database=chosen, secret=_secret(_standing(root), chosen), at=datetime.now(UTC)
    )
    test = contents.pop("test.py")
    folder.parent.mkdir(exist_ok=True)
    (folder.parent / "__init__.py").touch()
    tests.parent.mkdir(parents=True, exist_ok=True)
    scaffold.place(folder, contents)
    tests.write_text(test)
    kept_apart = _keep_apart(root, name)
    written = [*sorted(f"services/{name}/{part}" for part in contents), str(tests.relative_to(root))]
    show(
        {"service": name, "database": chosen, "files": written, "kept_apart": kept_apart},
        lambda: _in_words(name, written, tests.relative_to(root), kept_apart=kept_apart),
        as_json=json,
    )
    return 0


def _tests(root: Path) -> Path:
    """Where tests that need a database stand in this repository."""
    kept_apart = root / "tests" / "database"
    return kept_apart if kept_apart.is_dir() else root / "tests"


def _standing(root: Path) -> "Manifest | None":
    """The services that are there. Raises `AuthorError` when they do not load."""
    from lamppost.pack.discover import discover

    return discover(root) if any(root.glob("services/*/service.py")) else None


def _secret(standing: "Manifest | None", database: str) -> str:
    """The secret that opens `database`: that of the services which share it. Raises `AuthorError`."""
    from lamppost.declare.service import Database

    for each in standing.services if standing else ():
        if each.database is not None and each.database.name == database:
            return each.database.secret
    return Database(database, secret=f"{database}/{{env}}/postgres/credentials").secret


def _keep_apart(root: Path, name: str) -> bool:
    """Enter the service into the contract by which services never import one another, if there is one."""
    from lamppost.cli import scaffold

    path = root / "pyproject.toml"
    if not path.is_file():
        return False
    changed = scaffold.with_contract(path.read_text("utf-8"), name)
    if changed is None:
        return False
    beside = path.with_name(".pyproject.toml.new")
    beside.write_text(changed, "utf-8")
    beside.replace(path)
    return True


def _in_words(name: str, written: list[str], test: Path, *, kept_apart: bool) -> str:
    lines = [*written, *(["pyproject.toml (services never import one another)"] if kept_apart else [])]
    return "\n".join(
        (
            *lines,
            "",
            "`lamppost up` serves it; one that runs does so already. Try it:",
            f'  curl -H "authorization: Bearer $(lamppost token --service {name})"'
            " -H 'content-type: application/json' \\",
            f'       -d \'{{"title":"A lamp"}}\' http://127.0.0.1:8000/{name}/items',
            f"  python -m pytest -p lamppost.testing.plugin {test}",
        )
    )
