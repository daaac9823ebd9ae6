"""The import statements of one file, read off its source."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import msgspec

_IMPORTING = ("import_module", "__import__")


class Import(msgspec.Struct, frozen=True):
    """One statement. `names` are what `from module import names` takes, or empty.

    `level` counts the dots of a relative one. `module` is None where a call puts the name together.
    """

    module: str | None
    names: tuple[str, ...]
    level: int
    line: int


def statements(path: Path) -> tuple[Import, ...]:
    """The imports of `path`, those inside functions too, those for type checkers not. Raises `SyntaxError`.

    A file is parsed once for each state of it: whoever packs four stages asks four times.
    """
    stat = path.stat()
    return _statements(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(4096)
def _statements(path: Path, _changed: int, _size: int) -> tuple[Import, ...]:
    return tuple(_walk(ast.parse(path.read_bytes(), str(path))))


def _walk(tree: ast.AST) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                for other in node.orelse:
                    yield from _walk(other)
                continue
            case ast.Import():
                yield from (Import(alias.name, (), 0, node.lineno) for alias in node.names)
            case ast.ImportFrom():
                names = tuple(alias.name for alias in node.names)
                yield Import(node.module or "", names, node.level, node.lineno)
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called in _IMPORTING:
                yield Import(_literal(node), (), 0, node.lineno)
        yield from _walk(node)


def _literal(call: ast.Call) -> str | None:
    match call.args:
        case [ast.Constant(value=str(name)), *_]:
            return name
    return None
