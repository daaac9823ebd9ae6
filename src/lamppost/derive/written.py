"""Where in `service.py` something is written: read off its syntax, nothing is run."""

import ast


def function_line(source: str, function: str, keyword: str | None = None) -> tuple[int, str] | None:
    """The line of `keyword=` in `Function(name="…")`, or of the call itself, and what stands there."""
    call = next((each for each in _calls(source, "Function") if _text(each, "name") == function), None)
    if call is None:
        return None
    for given in call.keywords:
        if given.arg == keyword:
            return given.value.lineno, f"{keyword}={_shown(given.value)}"
    return call.lineno, f'Function(name="{function}")'


def queue_line(source: str, queue: str) -> tuple[int, str] | None:
    """The line of `Queue(name="…")`, and what it runs."""
    for call in _calls(source, "Queue"):
        if _text(call, "name") == queue or (call.args and _constant(call.args[0]) == queue):
            runs = next((_shown(given.value) for given in call.keywords if given.arg == "runs"), "")
            return call.lineno, f'Queue("{queue}", runs={runs})'
    return None


def database_line(source: str) -> tuple[int, str] | None:
    """The line of `Database(…)`."""
    return next(((call.lineno, _shown(call)) for call in _calls(source, "Database")), None)


def _calls(source: str, name: str) -> list[ast.Call]:
    return [
        each
        for each in ast.walk(ast.parse(source))
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == name
    ]


def _text(call: ast.Call, keyword: str) -> object:
    return next((_constant(given.value) for given in call.keywords if given.arg == keyword), None)


def _constant(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _shown(node: ast.expr) -> str:
    return ast.unparse(node).replace("'", '"')
