"""The rules of the house that no other tool knows. Each says what to do instead."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lamppost
from tests.running import ROOT

SOURCE = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "services").rglob("*.py")])
EVERYTHING = [
    *SOURCE,
    *(
        path
        for folder in ("tests", "benchmarks", "scripts")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ),
]

# Where everything may be caught: at the edge of a process or a request, and where something is
# undone before the error goes on.
CATCHES_ALL = {
    "src/lamppost/pack/discover.py": "the author's module may raise anything while it loads",
    "src/lamppost/runtime/http.py": "the edge of a request: the caller hears 500, the log the rest",
    "src/lamppost/runtime/joined.py": "the effect is committed: a queue's failure may not pass for its own",
    "src/lamppost/runtime/batches.py": "the edge of a message: the others of the batch go on",
    "src/lamppost/runtime/deadline.py": "carries whatever a handler raised into the other thread",
    "src/lamppost/local/http_connection.py": "the edge of a request: one bad handler must not end the server",
    "src/lamppost/local/launch.py": "what was started is ended, and the error goes on",
    "src/lamppost/local/postgres/cluster.py": "the lock is let go, and the error goes on",
    "src/lamppost/db/pool.py": "the place in the pool is freed, and the error goes on",
    "src/lamppost/migrate/run.py": "the connection is given up, and the error goes on",
    "src/lamppost/migrate/lint/file.py": "one rule's mistake must not hide what the others find",
    "src/lamppost/migrate/lint/earlier.py": "what is wrong with an earlier file is a finding of its own",
}

# Longer than a file should be, and why it may.
LONG = {
    "src/lamppost/declare/service.py": "every declaration and its checks: the one page authors read",
    "src/lamppost/migrate/lint/model.py": "every kind of statement: the one page authors of rules read",
}


def place(path: Path) -> str:
    """`path` as the lists above write it."""
    return path.relative_to(ROOT).as_posix()


def found(mistakes: list[str]) -> None:
    """Fail with one line for each mistake."""
    assert not mistakes, "\n" + "\n".join(mistakes)


def trees(paths: list[Path]) -> Iterator[tuple[Path, ast.Module]]:
    """Each file with its syntax."""
    for path in paths:
        yield path, ast.parse(path.read_text("utf-8"))


def test_a_package_sees_only_what_stands_below_it() -> None:
    """The layers of pyproject.toml, by import-linter."""
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_public_names_are_the_typed_ones() -> None:
    """lamppost/__init__.py loads by name what lamppost/__init__.pyi shows to type checkers."""
    stub = ast.parse((ROOT / "src/lamppost/__init__.pyi").read_text())
    typed = {name.asname for node in stub.body if isinstance(node, ast.ImportFrom) for name in node.names}

    assert typed == set(lamppost.__all__)
    assert all(getattr(lamppost, name) is not None for name in lamppost.__all__)


@pytest.mark.parametrize("service", sorted(path.parent.name for path in ROOT.glob("services/*/service.py")))
def test_declaring_touches_nothing(service: str) -> None:
    """Importing a service.py opens no socket and reads no variable of the environment."""
    program = f"""
import os, socket, sys
# These read the environment for themselves while they load; no service has a hand in it.
import psycopg, msgspec, logging, ssl, asyncio
try:
    import pycurl, boto3, botocore.config, botocore.session
except ImportError:
    pass
def refuse(*_, **__):
    raise AssertionError("a declaration opened a socket")
class Watched(dict):
    def told(self, name):
        frame = sys._getframe(2)
        if "/services/" in frame.f_code.co_filename:
            raise AssertionError(f"a declaration read {{name}}")
socket.socket.__init__ = refuse
real = os.environ
class Environment(type(real)):
    def __getitem__(self, key):
        frame = sys._getframe(1)
        while frame and ("<frozen" in frame.f_code.co_filename or frame.f_code.co_filename.endswith("os.py")
                         or "_collections_abc" in frame.f_code.co_filename):
            frame = frame.f_back
        if frame and ("services/" in frame.f_code.co_filename or "lamppost/" in frame.f_code.co_filename):
            raise AssertionError(f"{{frame.f_code.co_filename}} read {{key}}")
        return super().__getitem__(key)
real.__class__ = Environment
import services.{service}.service
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_everything_is_caught_only_at_an_edge() -> None:
    """`except Exception` hides the mistakes it was not written for."""
    catching = set()
    for path, tree in trees(SOURCE):
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or _is_broad(node.type)):
                catching.add(place(path))
    found(
        [
            f"{path}: name the errors, or add it to CATCHES_ALL"
            for path in sorted(catching - CATCHES_ALL.keys())
        ]
    )
    found(
        [
            f"{path}: catches all no longer, take it off the list"
            for path in sorted(CATCHES_ALL.keys() - catching)
        ]
    )


def _is_broad(node: ast.expr) -> bool:
    names = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(name, ast.Name) and name.id in ("Exception", "BaseException") for name in names)


def test_sql_is_never_built_from_text() -> None:
    """Values are parameters, names are psycopg.sql.Identifier: what execute() gets is not assembled."""
    mistakes = []
    for path, tree in trees(SOURCE):
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("execute", "executemany", "copy", "SQL")
                and node.args
                and _is_assembled(node.args[0])
            ):
                mistakes.append(f"{place(path)}:{node.lineno}")
    found(mistakes)


def _is_assembled(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr():
            return True
        case ast.BinOp(op=ast.Mod() | ast.Add(), left=left):
            return isinstance(left, ast.Constant | ast.JoinedStr | ast.BinOp | ast.Name)
        case ast.Call(func=ast.Attribute(attr="format", value=ast.Constant())):
            return True
    return False


def test_a_silenced_check_gives_its_reason() -> None:
    """A code, and a reason that a stranger accepts, stand behind it."""
    mistakes = []
    for path in EVERYTHING:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if re.search(r"[#]\s*noqa(?!:\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*\s+-\s+\w)", line):
                mistakes.append(f"{place(path)}:{number}: write noqa: CODE - reason")
            if re.search(r"[#]\s*type:\s*ignore(?!\[[\w, -]+\]\s+#\s+\S)", line):
                mistakes.append(f"{place(path)}:{number}: write type: ignore[code]  # reason")
    found(mistakes)


def test_what_is_public_says_what_it_is() -> None:
    """Every public module, class and function has a docstring."""
    mistakes = []
    for path, tree in trees(SOURCE):
        if tree.body and ast.get_docstring(tree) is None:
            mistakes.append(f"{place(path)}: the module")
        mistakes += [
            f"{place(path)}:{node.lineno}: {node.name}"
            for node in _public(tree)
            if not ast.get_docstring(node)
        ]
    found(mistakes)


def _public(
    tree: ast.Module | ast.ClassDef,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in tree.body:
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef) and not _is_told_elsewhere(node):
                yield from _public(node)


def _is_told_elsewhere(node: ast.ClassDef) -> bool:
    """Methods that a library's protocol or our own describes: asyncio.Protocol, and declare's Context."""
    return node.name == "LiveContext" or any(isinstance(base, ast.Attribute) for base in node.bases)


def test_a_file_is_read_in_one_sitting() -> None:
    """350 lines at most; a longer one holds two things."""
    lengths = {place(path): len(path.read_text("utf-8").splitlines()) for path in SOURCE}
    long = {path for path, lines in lengths.items() if lines > 350}
    found([f"{path}: {lengths[path]} lines" for path in sorted(long - LONG.keys())])
    found([f"{path}: no longer long, take it off the list" for path in sorted(LONG.keys() - long)])


def test_services_enter_by_the_front_door() -> None:
    """They import `lamppost`, its `db`, `delivery` and `tokens`, and nothing from inside the house.

    The migrator is the one that gives the house's own `lamppost.migrate` to Lambda.
    """
    mistakes = []
    for path, tree in trees([path for path in SOURCE if place(path).startswith("services/")]):
        for name, line in _imports(tree):
            doors = ["lamppost.db.", "lamppost.delivery.", "lamppost.tokens."]
            if place(path).startswith("services/migrator/"):
                doors.append("lamppost.migrate.")
            if name.startswith("lamppost.") and not f"{name}.".startswith(tuple(doors)):
                mistakes.append(f"{place(path)}:{line}: {name}")
    found(mistakes)


def test_only_cloud_knows_the_cdk() -> None:
    """aws_cdk is a deployment's tool; whatever runs must not need it."""
    mistakes = []
    for path, tree in trees([path for path in SOURCE if "/cloud/" not in place(path)]):
        mistakes += [
            f"{place(path)}:{line}" for name, line in _imports(tree) if name.split(".")[0] == "aws_cdk"
        ]
    found(mistakes)


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module in ("lamppost.delivery", "services"):
                yield from ((f"{node.module}.{name.name}", node.lineno) for name in node.names)
            else:
                yield node.module, node.lineno


def test_no_file_names_a_registry_or_somebodys_machine() -> None:
    """Packages come from wherever the installer is told; paths of one machine mean nothing on another."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    words = re.compile(
        "|".join(
            (
                "pypi" + r"\.org",
                "python" + r"hosted\.org",
                "npm" + r"js\.(org|com)",
                "/wo" + "rk/",
                "/ro" + "ot/",
            )
        )
    )
    mistakes = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".pem", ".png") or not path.is_file():
            continue
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            if words.search(line):
                mistakes.append(f"{name}:{number}")
    found(mistakes)
