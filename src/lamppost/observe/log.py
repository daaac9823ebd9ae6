"""Logs: one JSON line per event on stdout.

A line is a fact in the past tense with fields: `log.info("person.saved", person=id)`.
The standard `logging` of libraries is bridged into the same shape by `bridge()`.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

LEVELS = {
    "trace": 5,
    "debug": 10,
    "info": 20,
    "warn": 30,
    "warning": 30,
    "error": 40,
    "fatal": 50,
    "off": 100,
}

Write = Callable[[str], Any]

_SECRET_FIELDS = frozenset({"password", "secret", "token", "authorization", "credentials", "dsn"})


_ambient: dict[str, Any] = {}


def ambient(**fields: Any) -> None:
    """Put `fields` into every line this process writes from now on; None takes one out again.

    A sandbox serves one invocation at a time, so a process-wide place is enough.
    """
    for name, value in fields.items():
        if value is None:
            _ambient.pop(name, None)
        else:
            _ambient[name] = value


def level_from(environment: "os._Environ[str] | dict[str, str]") -> int:
    """The level `LOG_LEVEL` asks for, else its alias `RUST_LOG` (first bare level), else info."""
    for name in ("LOG_LEVEL", "RUST_LOG"):
        for part in environment.get(name, "").split(","):
            found = LEVELS.get(part.strip().lower())
            if found is not None:
                return found
    return LEVELS["info"]


def _plain(value: object) -> str:
    return str(value)


_encoder = msgspec.json.Encoder(enc_hook=_plain)


class Log:
    """Writes facts. `bound` fields stand in every line; `only(...)` makes a child with more."""

    __slots__ = ("_write", "bound", "level")

    def __init__(
        self, bound: dict[str, Any] | None = None, *, level: int | None = None, write: Write | None = None
    ):
        self.bound = bound or {}
        self.level = level_from(os.environ) if level is None else level
        self._write = write

    def only(self, **fields: Any) -> "Log":
        """The same log with `fields` in every line."""
        return Log({**self.bound, **fields}, level=self.level, write=self._write)

    def debug(self, message: str, **fields: Any) -> None:
        """For the author, off by default."""
        self._say(10, "debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        """Something happened as it should."""
        self._say(20, "info", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        """Something needs a look by day."""
        self._say(30, "warn", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        """Something failed; `error=` may be the exception."""
        self._say(40, "error", message, fields)

    def _say(self, rank: int, level: str, message: str, fields: dict[str, Any]) -> None:
        if rank < self.level:
            return
        line = {"timestamp": _now(), "level": level, "message": message, **_ambient, **self.bound, **fields}
        if not _SECRET_FIELDS.isdisjoint(line):
            for name in _SECRET_FIELDS & line.keys():
                line[name] = "***"
        (self._write or _stdout)(encode(line))


def encode(line: dict[str, Any]) -> str:
    """`line` as one line of JSON. What JSON cannot say is said by `str`; lone surrogates are escaped."""
    try:
        return _encoder.encode(line).decode()
    except (UnicodeEncodeError, TypeError, ValueError):
        return _encoder.encode(_cleaned(line)).decode()


def _cleaned(value: object) -> object:
    if isinstance(value, dict):
        return {str(_cleaned(str(key))): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def _now() -> str:
    whole, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{_second(whole)}.{milliseconds:03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _stdout(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
