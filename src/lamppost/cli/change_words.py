"""Changes in words: what is lost first to be seen, then stack by stack, then rights, then money."""

import json
from collections.abc import Iterator
from typing import Any

from lamppost.derive.changes.kinds import Change, Changes, Right

_SIGN = {"added": "+", "removed": "-", "changed": "~", "replaced": "!", "perhaps replaced": "?"}
_LOST = {
    "deleted": "ITS DATA IS DELETED",
    "kept": "the old one stays with its data, outside the stack",
    "snapshot": "its data stays as a snapshot",
}


def words(changes: Changes) -> Iterator[str]:
    """Line by line."""
    if changes.none:
        yield "Nothing changes."
        return
    for name in changes.stacks_removed:
        yield f"- stack {name} is no longer made; it stays on AWS until somebody deletes it"
    for stack in dict.fromkeys(each.stack for each in changes.resources):
        yield f"{'+ stack ' if stack in changes.stacks_added else ''}{stack}"
        yield from (_change(each) for each in changes.resources if each.stack == stack)
    if changes.exports_removed:
        yield "Exports that go; a stack elsewhere that imports one stops this"
        yield from (f"  - {each.name}" for each in changes.exports_removed)
    if changes.rights:
        yield "Rights"
        yield from (_right(each) for each in changes.rights)
    yield counts(changes)


def counts(changes: Changes) -> str:
    """The sum, in a line."""
    fates = [each.fate for each in changes.resources if not each.code_only]
    fresh = len(changes.resources) - len(fates)
    parts = [f"{fates.count(fate)} {fate}" for fate in ("added", "changed", "removed") if fate in fates]
    parts += [
        f"{fates.count(fate)} {fate.upper()}" for fate in ("replaced", "perhaps replaced") if fate in fates
    ]
    parts += [f"{fresh} with new code"] if fresh else []
    given = sum(each.given for each in changes.rights)
    rights = f"; {given} rights given, {len(changes.rights) - given} taken" if changes.rights else ""
    return (", ".join(parts) or "No resource changes") + rights


def _change(each: Change) -> str:
    about = f"  {_SIGN[each.fate]} {each.type} {each.name}"
    if each.code_only:
        return f"  ~ {each.type} {each.name}: new code"
    if each.fate in ("added", "removed"):
        return about + (f": {_LOST[each.lost]}" if each.lost else "")
    details = "; ".join(
        f"{one.name} {_short(one.before)} → {_short(one.after)}"
        if one.before != one.after
        else f"{one.name} refers to what is made anew"
        for one in each.properties
    )
    if "replaced" in each.fate:
        about += f" {each.fate.upper()} because of {', '.join(each.because)}"
        details += f"; {_LOST[each.lost]}" if each.lost else ""
    return f"{about}: {details}"


def _right(each: Right) -> str:
    condition = f" if {each.condition}" if each.condition else ""
    sign = "+" if each.given else "-"
    return f"  {sign} {each.stack} {each.holder}: {each.effect} {each.action} on {each.resource}{condition}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= 60 else f"{text[:40]}…{text[-16:]}"
