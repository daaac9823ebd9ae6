"""What we accept as a customer, or as a file's name. Pure."""

import unicodedata

from lamppost import invalid

MOST_CHARS = 100
# Control characters, half pairs, what has no meaning yet, and separators of lines.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})


def shown(path: str, text: str) -> str:
    """`text` without the space around it. Raises `CallerError`: 422 invalid_text."""
    trimmed = text.strip()
    if not trimmed:
        raise invalid(path, "invalid_text", "the text shows nothing")
    if len(trimmed) > MOST_CHARS:
        raise invalid(path, "invalid_text", f"the text has {len(trimmed)} characters; {MOST_CHARS} are taken")
    for character in trimmed:
        if unicodedata.category(character) in _UNPRINTABLE:
            raise invalid(path, "invalid_text", f"the text holds U+{ord(character):04X}, which shows nothing")
    return trimmed
