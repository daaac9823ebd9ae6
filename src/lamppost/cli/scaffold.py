"""The files a service begins with: templates beside this module, filled in and put in place at once."""

import re
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from string import Template

from lamppost.errors import AuthorError

_NAME = re.compile(r"[a-z][a-z0-9]{0,29}")
# Schemas that are there already, and who else has a place of its own in every system.
_TAKEN = frozenset({"lamppost", "public", "services", "local"})
_INDEPENDENCE = re.compile(r"""(type\s*=\s*"independence"\s*\n\s*modules\s*=\s*\[)([^\]]*)(\])""")
_MODULE = re.compile(r'"(services\.[a-z0-9]+)"')


def check_name(name: str) -> None:
    """Refuse what cannot be a folder, a schema and a Python package at once. Raises `AuthorError`."""
    from keyword import iskeyword

    from lamppost.migrate.lint.pg import ParseError, parse_sql_json

    if not _NAME.fullmatch(name):
        raise _bad_name(name, "use up to 30 lower-case letters and digits, a letter first")
    if iskeyword(name):
        raise _bad_name(name, "Python keeps this word for itself: take another, such as a plural")
    try:
        parse_sql_json(f"create table {name}.items (id int)")
    except ParseError:
        raise _bad_name(name, "SQL keeps this word for itself: take another, such as a plural") from None
    if name in _TAKEN:
        raise _bad_name(name, "the platform has a place of this name: take another")


def texts(name: str, *, database: str, secret: str, at: datetime) -> dict[str, str]:
    """The service's files by their places in its folder; the test is `test.py`."""
    words = {"name": name, "database": database, "secret": secret}
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H%M")
    filled = {
        part: Template(_template(part)).substitute(words)
        for part in ("service.py", "api.py", "store.py", "README.md", "init.sql", "test.py")
    }
    filled[f"migrations/{stamp}__{name}__init.sql"] = filled.pop("init.sql")
    return {"__init__.py": "", **filled}


def place(folder: Path, contents: Mapping[str, str]) -> None:
    """Make `folder` with these files in it, all at once: a running system sees all of them or none.

    Raises `FileExistsError` when somebody has made it meanwhile.
    """
    made = Path(tempfile.mkdtemp(dir=folder.parent.parent, prefix=".lamppost-new-"))
    try:
        for where, text in contents.items():
            path = made / where
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        made.chmod(0o755)
        if folder.exists():
            raise FileExistsError(folder)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def with_contract(text: str, name: str) -> str | None:
    """A pyproject.toml in which import-linter keeps this service apart from the others too.

    None where there is no such contract, or its list is written in a way of its own.
    """
    found = _INDEPENDENCE.search(text)
    if found is None:
        return None
    modules = _MODULE.findall(found[2])
    if not modules or _MODULE.sub("", found[2]).strip(", \n"):
        return None
    listed = "".join(f'    "{module}",\n' for module in sorted({*modules, f"services.{name}"}))
    return f"{text[: found.start()]}{found[1]}\n{listed}{found[3]}{text[found.end() :]}"


def _template(part: str) -> str:
    return (files("lamppost.cli") / "templates" / "service" / f"{part}.txt").read_text("utf-8")


def _bad_name(name: str, fix: str) -> AuthorError:
    return AuthorError(f"a service cannot be called {name!r}", fix=fix, code="service_name")
