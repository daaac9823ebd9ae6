"""What we accept about a person. Pure; each refusal names its field and a stable code."""

import re
import unicodedata
from datetime import date, datetime
from difflib import get_close_matches

from lamppost import invalid
from services.birthday import calendar

NAME_CHARS = 100
# Nobody alive was born before it, and a slip of the finger ("0199") usually was.
FIRST_YEAR = 1900

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Control characters, lone surrogates, and what has no meaning in Unicode yet.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Cn"})
# Marks that only steer other characters, and the plane of invisible tags.
_INVISIBLE = frozenset({"Cf", "Zs", "Zl", "Zp", "Mn", "Me", "Co"})


def name(path: str, text: str) -> str:
    """`text` without the space around it. Counts characters, not bytes. Raises `CallerError`."""
    trimmed = text.strip()
    for character in trimmed:
        if unicodedata.category(character) in _UNPRINTABLE:
            raise invalid(
                path, "invalid_text", f"the text holds U+{ord(character):04X}, which is not printable"
            )
    if all(unicodedata.category(character) in _INVISIBLE or _is_filler(character) for character in trimmed):
        raise invalid(path, "invalid_text", "the text shows nothing")
    if len(trimmed) > NAME_CHARS:
        raise invalid(
            path, "invalid_text", f"the text has {len(trimmed)} characters; {NAME_CHARS} are allowed"
        )
    return trimmed


def _is_filler(character: str) -> bool:
    # Letters by category, blank to the eye: the Hangul fillers and the empty Braille cell.
    return character in "\u115f\u1160\u3164\uffa0\u2800"


def date_of_birth(path: str, text: str) -> date:
    """`text` as a date: `YYYY-MM-DD` in ASCII digits and nothing else. Raises `CallerError`."""
    if not _DATE.fullmatch(text):
        raise invalid(path, "invalid_date", "write the date as YYYY-MM-DD, such as 1990-03-15")
    try:
        born = date.fromisoformat(text)
    except ValueError:
        raise invalid(path, "invalid_date", f"there is no {text} in the calendar") from None
    if born.year < FIRST_YEAR:
        raise invalid(path, "invalid_date", f"the year is before {FIRST_YEAR}")
    return born


def check_born(path: str, born: date, zone_name: str, *, now: datetime) -> None:
    """Refuse a birth in the future of where the person lives. `now` is aware."""
    if born > now.astimezone(calendar.zone(zone_name)).date():
        raise invalid(path, "invalid_date", f"{born} is still to come in {zone_name}")


def timezone(path: str, text: str) -> str:
    """`text` when it is an IANA name in its exact spelling; an alias stays as given. Raises `CallerError`."""
    if text not in calendar.zone_names():
        raise unknown_zone(path, text)
    return text


def unknown_zone(path: str, text: str) -> Exception:
    """The refusal of `text`, with the name that was perhaps meant."""
    shown = text[:64]
    spelled = {known.lower(): known for known in calendar.zone_names()}
    wanted = shown.strip().lower().replace(" ", "_")
    near = [wanted] if wanted in spelled else get_close_matches(wanted, list(spelled), n=1)
    hint = f"; did you mean {spelled[near[0]]}?" if near else "; use a name such as Europe/Berlin"
    return invalid(path, "unknown_time_zone", f"{shown!r} is not a time zone of the IANA database{hint}")
