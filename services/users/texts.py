"""What we accept as a name and as an e-mail address. Pure."""

import re
import unicodedata

from lamppost import invalid

NAME_CHARS = 100
ADDRESS_CHARS = 254
# Whether mail arrives there only mail can tell.
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
# Control characters, half pairs, what has no meaning yet, and separators of lines.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})


def name(path: str, text: str) -> str:
    """`text` without the space around it. Raises `CallerError`: 422 invalid_text."""
    trimmed = text.strip()
    if not trimmed:
        raise invalid(path, "invalid_text", "the text shows nothing")
    if len(trimmed) > NAME_CHARS:
        raise invalid(path, "invalid_text", f"the text has {len(trimmed)} characters; {NAME_CHARS} are taken")
    _check_printable(path, trimmed)
    return trimmed


def address(path: str, text: str) -> str:
    """`text` as an e-mail address, in lower case. Raises `CallerError`: 422 invalid_text."""
    lowered = text.strip().lower()
    if len(lowered) > ADDRESS_CHARS or not _ADDRESS.fullmatch(lowered):
        raise invalid(path, "invalid_text", "write an e-mail address, such as ada@example.com")
    _check_printable(path, lowered)
    return lowered


def _check_printable(path: str, text: str) -> None:
    for character in text:
        if unicodedata.category(character) in _UNPRINTABLE:
            raise invalid(path, "invalid_text", f"the text holds U+{ord(character):04X}, which shows nothing")
