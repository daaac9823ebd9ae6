"""Writes docs/reference from the code: what commands take, and what every error code means.

    python scripts/reference.py

A test renders the same and fails when the committed pages differ.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"

# AWS's own error names, sent as AWS sends them: its documentation has them.
_AWS = ("src/lamppost/local/aws/", "src/lamppost/local/queue_rules.py")

_WHO = {
    "AuthorError": "author",
    "OperatorError": "operator",
    "CallerError": "caller",
    "FieldError": "caller",
    "invalid": "caller",
    "not_found": "caller",
}

_ERRORS = """# Errors

Every error says what is wrong and how to mend it, and carries a code that does not change.
`lamppost` commands print all three (as JSON when nobody reads along); HTTP APIs answer with
`application/problem+json`, whose `code` is one of the caller's.

| who acts | is told |
|---|---|
| author | when the declaration, the migration or the handler is loaded |
| operator | at start, at deploy, on the terminal, in the log |
| caller | in the answer: 4xx, or 503 with Retry-After |
| queue | not a person: the orders `TryAgain` and `GiveUp` of a worker to its queue |

`…` stands for what the message fills in. AWS's APIs answer with AWS's own names.
"""


class Said(NamedTuple):
    """One place that gives a code: who must act, the message, the fix, the file."""

    code: str
    who: str
    what: str
    fix: str
    file: str


def commands() -> str:
    """docs/reference/commands.md."""
    from lamppost.cli.commands import app

    typed, sys.argv = sys.argv, ["lamppost"]  # cyclopts names what it was started as
    try:
        text = app.generate_docs(output_format="markdown")
    finally:
        sys.argv = typed
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(lines).rstrip() + "\n"


def errors() -> str:
    """docs/reference/errors.md."""
    codes: dict[str, list[Said]] = defaultdict(list)
    for said in every():
        codes[said.code].append(said)
    pages = [_ERRORS]
    for code, places in sorted(codes.items(), key=lambda item: item[0].lower()):
        who = sorted({said.who for said in places})
        files = sorted({said.file for said in places})
        pages.append(f"## {code}\n\n{', '.join(who)} · {', '.join(f'`{file}`' for file in files)}\n")
        told = [said for said in places if said.what.strip("…")] or places[:1]
        pages.append("\n".join(dict.fromkeys(_line(said) for said in told)) + "\n")
    return "\n".join(pages)


def _line(said: Said) -> str:
    what = said.what.replace("……", "…") if said.what.strip("…") else "the message says what and where"
    return f"- {what}" + (f"\n  Fix: {said.fix}" if said.fix else "")


def every() -> list[Said]:
    """Every code that our source gives, in the order of files and lines."""
    trees = {}
    for folder in ("src/lamppost", "services"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if not place.startswith(_AWS):
                trees[place] = ast.parse(path.read_text("utf-8"))
    who = dict(_WHO)
    for tree in trees.values():
        who.update(_classes(tree, who))
    return [said for place, tree in trees.items() for said in _said(tree, place, who)]


def _classes(tree: ast.Module, who: dict[str, str]) -> dict[str, str]:
    """Error classes of this file by who acts on them: their base decides."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name not in who:
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            for base in bases:
                if base in who or base in found:
                    found[node.name] = who.get(base) or found[base]
    return found


def _said(tree: ast.Module, place: str, who: dict[str, str]) -> Iterator[Said]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from _from_class(node, place, who)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from _from_call(node, node.func.id, place, who)


def _from_class(node: ast.ClassDef, place: str, who: dict[str, str]) -> Iterator[Said]:
    for line in node.body:
        if isinstance(line, ast.Assign) and [ast.unparse(target) for target in line.targets] == ["code"]:
            about = (ast.get_docstring(node) or "").partition("\n\n")[0].replace("\n", " ")
            default = "queue" if node.name in ("TryAgain", "GiveUp") else "any"
            yield Said(_text(line.value), who.get(node.name, default), about, "", place)


def _from_call(node: ast.Call, name: str, place: str, who: dict[str, str]) -> Iterator[Said]:
    if name not in who:
        return
    keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    at = {"CallerError": (1, 2), "FieldError": (1, 2), "invalid": (1, 2), "not_found": (0, 1)}.get(name)
    if at is not None and len(node.args) > max(at):
        code, what = (node.args[place_] for place_ in at)
    elif "code" in keywords and node.args:
        code, what = keywords["code"], node.args[0]
    else:
        return
    for each in _literals(code):
        yield Said(each, who[name], _text(what), _text(keywords["fix"]) if "fix" in keywords else "", place)


def _literals(node: ast.expr) -> list[str]:
    """The codes an expression can be: a string, or the two arms of a choice."""
    if isinstance(node, ast.IfExp):
        return _literals(node.body) + _literals(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _text(node: ast.expr) -> str:
    """The message an expression makes, with … where it fills something in."""
    match node:
        case ast.Constant(value=str(text)):
            return text.replace("\n", " ")
        case ast.JoinedStr(values=values):
            return "".join(_text(value) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case ast.IfExp(body=body, orelse=other):
            return f"{_text(body)} / {_text(other)}"
        case _:
            return "…"


PAGES = {"commands.md": commands, "errors.md": errors}


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, render in PAGES.items():
        (REFERENCE / name).write_text(render(), "utf-8")


if __name__ == "__main__":
    main()
