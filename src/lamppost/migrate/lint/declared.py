"""Types that the PL/pgSQL parser cannot look up, for it has no catalog: those with a schema."""

import re

_BODY = re.compile(r"\$\w*\$")
_QUALIFIED = re.compile(r'(?:\w+|"[^"]+")\s*\.\s*(?:\w+|"[^"]+")(?!\s*[.(%])')
_DECLARED = re.compile(r"\bdeclare\b(.*?)\bbegin\b", re.IGNORECASE | re.DOTALL)
_VARIABLE = re.compile(
    r'((?:^|;)\s*(?:--[^\n]*\n\s*)*\w+\s+(?:constant\s+)?)(?:\w+|"[^"]+")\.(?:\w+|"[^"]+")(?!\s*[.(%])(\s*\[)?',
    re.IGNORECASE,
)


def without_schemas(text: str) -> str:
    """`text` with text and record in the place of such types; every line stays where it is."""
    body = _BODY.search(text)
    start = body.end() if body else 0
    head = _QUALIFIED.sub("text", text[:start])
    return head + _DECLARED.sub(_variables, text[start:])


def _variables(block: re.Match[str]) -> str:
    whole, inside = block[0], block[1]
    return whole.replace(inside, _VARIABLE.sub(_named, inside), 1) if inside else whole


def _named(variable: re.Match[str]) -> str:
    # There are no arrays of records; which type the elements have changes nothing for us.
    return f"{variable[1]}text{variable[2]}" if variable[2] else f"{variable[1]}record"
