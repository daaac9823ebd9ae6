"""What a path or `--behave` asks for: `/slow?seconds=2`, `/status/429?retry-after=3`, `slow:2s`."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from lamppost.errors import OperatorError

_AMOUNT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|kb|mb|gb)?")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "kb": 1024, "mb": 1024**2, "gb": 1024**3}


class Given(msgspec.Struct, frozen=True):
    """A behaviour's name, and its options; the one that comes behind the name alone is called ''."""

    name: str
    options: Mapping[str, str]

    def text(self, option: str, default: str) -> str:
        """The option, else what stands behind the name, else `default`."""
        return self.options.get(option) or self.options.get("") or default

    def amount(self, option: str, default: float, *, least: float = 0, most: float = 3600) -> float:
        """A number with or without a unit (2, 2s, 500ms, 64kb), brought between `least` and `most`.

        Raises `OperatorError` (simulator_option) when it is none.
        """
        found = _AMOUNT.fullmatch(self.text(option, str(default)).lower())
        if found is None:
            raise OperatorError(
                f"{option}={self.text(option, '')} of {self.name} is not a number",
                fix="write 2, 2s, 500ms or 64kb",
                code="simulator_option",
            )
        return min(max(float(found[1]) * _UNITS.get(found[2] or "s", 1), least), most)


def of_target(target: str) -> Given:
    """What a request's target asks for. The path's first part is the name, the second its option."""
    parts = urlsplit(target)
    name, _, argument = parts.path.lstrip("/").partition("/")
    options = dict(parse_qsl(parts.query))
    if argument:
        options[""] = unquote(argument)
    return Given(unquote(name), options)
