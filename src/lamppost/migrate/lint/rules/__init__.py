"""The rules: each a module beside a migration that breaks it and one that keeps it.

A rule has NAME, SEVERITY, WHEN, HARM, INSTEAD, ON (what it looks at: kinds of statement, actions of `alter
table`, topics of topics.py) and `check(what, at)`, which yields what it finds in a statement of that sort.
A new rule is a new file; nothing else changes.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from lamppost.migrate.lint.model import Found, Severity


class Rule(msgspec.Struct, frozen=True):
    """One rule as its module says it. `needs` is "catalog" where the file alone cannot decide."""

    name: str
    severity: Severity
    when: str
    harm: str
    instead: str
    kinds: tuple[type, ...]
    check: Callable[[Any, Any], Iterator[Found]]
    about: str
    needs: str
    module: str


def load() -> tuple[Rule, ...]:
    """All rules by name."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__")
    return tuple(_rule(import_module(f"{__name__}.{name}"), name) for name in names)


def _rule(module: Any, name: str) -> Rule:
    return Rule(
        name=module.NAME,
        severity=module.SEVERITY,
        when=module.WHEN,
        harm=module.HARM,
        instead=module.INSTEAD,
        kinds=module.ON,
        check=module.check,
        about=module.__doc__ or "",
        needs=getattr(module, "NEEDS", ""),
        module=name,
    )
