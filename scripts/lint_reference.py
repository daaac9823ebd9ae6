"""Writes docs/reference/lint.md from the rules: what each finds, who waits, and its two examples.

    python scripts/lint_reference.py

A test renders the same and fails when the committed page differs.
"""

from pathlib import Path

from lamppost.migrate.lint import rules as folder
from lamppost.migrate.lint.rules import Rule, load

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "lint.md"

_HEAD = """# Rules of `lamppost migrate lint`

A rule that blocks makes the command exit with 1; advice does not. A file allows a rule, with a reason, in a
comment above its first statement: `-- lamppost: allow {example}, the table is empty until launch`.
How to run it: [guides/lint.md](../guides/lint.md).

| rule | severity | when |
|---|---|---|
"""

_FILES = """
## About the file itself

These have no examples: `unreadable-file` (encoding, NUL byte, byte order mark, pipes, more than 16 MB),
`unreadable-statement` (what PostgreSQL would not understand, psql commands, COPY data), `file-name`,
`unknown-directive`, `name-too-long` (63 bytes), `unused-allowance`, and `lint-failed`: a rule of ours failed
at a statement, and nobody has judged it.

With `--changed`, `merged-file-edited` (or deleted, or renamed) and `late-file` (a new file that sorts before
a merged one of its service); both block. With `--baseline`, the advice `stale-baseline`.
"""


def page() -> str:
    """The whole page."""
    rules = load()
    rows = [f"| [{rule.name}](#{rule.name}) | {rule.severity} | {rule.when} |" for rule in rules]
    return _HEAD.format(example="truncate") + "\n".join(rows) + "\n" + "".join(map(_entry, rules)) + _FILES


def _entry(rule: Rule) -> str:
    place = Path(folder.__file__).parent
    bad, good = ((place / f"{rule.module}.{kind}.sql").read_text() for kind in ("bad", "good"))
    asks = " With `--catalog` or earlier files only.\n" if rule.needs else "\n"
    return f"""
## {rule.name}

{rule.about.strip()} *{rule.severity}*{asks}
- When: {rule.when}.
- Harm: {rule.harm}.
- Instead: {rule.instead}.

```sql
{bad.strip()}
```

Rather:

```sql
{good.strip()}
```
"""


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
