"""What a module imports, and what that imports: read off the sources, nothing is run."""

from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from lamppost.errors import AuthorError
from lamppost.pack.statements import Import, statements


class Reach(msgspec.Struct, frozen=True):
    """`modules` are ours, by name; `outside` are other packages, by the first place that imports them."""

    modules: dict[str, Path]
    outside: dict[str, str]


class Sources:
    """Python sources by the first part of modules' names: `{"services": folder}` holds folder/services.

    `standard` are the modules that are there without being shipped.
    """

    def __init__(self, folders: Mapping[str, Path], standard: Container[str]) -> None:
        self._folders = folders
        self._standard = standard

    def find(self, module: str) -> Path | None:
        """The file of `module`: None for a folder without `__init__.py`, and for what is not ours."""
        first = module.partition(".")[0]
        if first not in self._folders:
            return None
        stem = self._folders[first].joinpath(*module.split("."))
        places = (stem.with_suffix(".py"), stem / "__init__.py")
        return next((path for path in places if path.is_file()), None)

    def below(self, package: str) -> list[str]:
        """`package` and every module below it, or the module of that name."""
        folder = self._folders[package.partition(".")[0]]
        path = self.find(package)
        if path is not None and path.name != "__init__.py":
            return [package]
        paths = sorted(folder.joinpath(*package.split(".")).rglob("*.py"))
        names = (".".join(path.relative_to(folder).with_suffix("").parts) for path in paths)
        return [name.removesuffix(".__init__") for name in names]

    def reach(self, modules: Iterable[str]) -> Reach:
        """Everything that `modules` import, step by step. Raises `AuthorError`."""
        reach = Reach({}, {})
        waiting = [(module, "") for module in modules]
        seen: set[str] = set()
        while waiting:
            module, by = waiting.pop()
            if module in seen:
                continue
            seen.add(module)
            path = self.find(module)
            if path is None:
                self._note_outside(module, by, reach)
                continue
            reach.modules[module] = path
            if parent := module.rpartition(".")[0]:
                waiting.append((parent, by))
            waiting += [(name, f"{module} line {line}") for name, line in self._imports(module, path)]
        return reach

    def _note_outside(self, module: str, by: str, reach: Reach) -> None:
        first = module.partition(".")[0]
        if first not in self._folders:
            if first not in self._standard:
                reach.outside.setdefault(first, by)
        elif not self._folders[first].joinpath(*module.split(".")).is_dir():
            raise _wrong(f"{by} imports {module}, which does not exist", "correct it")

    def _imports(self, module: str, path: Path) -> Iterator[tuple[str, int]]:
        try:
            found = statements(path)
        except SyntaxError as wrong:
            raise _wrong(f"{module} line {wrong.lineno}: {wrong.msg}", "correct it") from wrong
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for one in found:
            base = _absolute(one, package)
            if base is not None:
                yield base, one.line
                inside = (f"{base}.{name}" for name in one.names)
                yield from ((name, one.line) for name in inside if self.find(name))
            elif not module.startswith("lamppost"):
                raise _wrong(
                    f"{module} line {one.line} imports a name that is put together while it runs:"
                    " nobody can tell what to ship",
                    "import it by its name",
                )


def _absolute(one: Import, package: str) -> str | None:
    if not one.level:
        return one.module
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - one.level + 1], *([one.module] if one.module else [])])


def _wrong(what: str, fix: str) -> AuthorError:
    return AuthorError(what, fix=fix, code="pack_import")
