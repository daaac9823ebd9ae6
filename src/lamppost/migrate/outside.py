"""Statements that no transaction can hold: how to see whether one ran whose end nobody noted.

Everything else is sent in a transaction with its note, so that there is never a doubt about it.
"""

import re
from typing import Any, Protocol

import msgspec
import psycopg

from lamppost.migrate.indexes import Build, Rebuild, Removal

Connection = psycopg.Connection[Any]


class Known(Protocol):
    """A statement whose traces we can read."""

    def ran(self, connection: Connection, /) -> bool:
        """Whether it has done its work, so that it must not be sent again."""
        ...

    def tidy(self, connection: Connection, /) -> str | None:
        """Clear away what a broken try left; the statement to send in its place, if another is due."""
        ...

    def wrong(self, connection: Connection, /) -> str:
        """What is wrong after it ran, or nothing."""
        ...


_PART = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_NAME = rf"{_PART}(?:\s*\.\s*{_PART})?"
_COMMENT = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
_FLAGS = re.VERBOSE | re.IGNORECASE
_BUILD = re.compile(
    rf"""\A create \s+ (?:unique \s+)? index \s+ concurrently \s+ (?:if \s+ not \s+ exists \s+)?
         (?: (?! on \s ) (?P<index> {_PART} ) \s+ )? on \s+ (?:only \s+)? (?P<table> {_NAME} )""",
    _FLAGS,
)
_REMOVAL = re.compile(
    rf"\A drop \s+ index \s+ concurrently \s+ (?:if \s+ exists \s+)? (?P<index> {_NAME} )", _FLAGS
)
_REBUILD = re.compile(
    rf"""\A reindex \s+ (?: \( [^)]* \) \s+ )? (?P<kind> index|table|schema|database|system )
         \s+ concurrently (?: \s+ (?P<name> {_NAME} ) )?""",
    _FLAGS,
)
_DETACH = re.compile(
    rf"""\A alter \s+ table \s+ (?:if \s+ exists \s+)? (?P<parent> {_NAME} )
         \s+ detach \s+ partition \s+ (?P<part> {_NAME} ) \s+ (?P<how> concurrently | finalize )""",
    _FLAGS,
)
_HARMLESS = re.compile(r"\A (?: vacuum | analyze | analyse | cluster | checkpoint | reindex ) \b", _FLAGS)

DETACHING = """
select inhdetachpending from pg_inherits where inhparent = to_regclass(%s) and inhrelid = to_regclass(%s)
"""


class Detachment(msgspec.Struct, frozen=True):
    """`alter table … detach partition … concurrently`, or its `finalize`."""

    parent: str
    part: str

    def ran(self, connection: Connection) -> bool:
        """Whether the partition is one no more."""
        return self._pending(connection) is None

    def tidy(self, connection: Connection) -> str | None:
        """A broken try is finished with `finalize`; beginning anew is refused by the server."""
        if self._pending(connection):
            return f"alter table {self.parent} detach partition {self.part} finalize"
        return None

    def wrong(self, _: Connection) -> str:
        """Nothing can be."""
        return ""

    def _pending(self, connection: Connection) -> bool | None:
        row = connection.execute(DETACHING, (self.parent, self.part)).fetchone()
        return None if row is None else bool(row[0])


class Harmless(msgspec.Struct, frozen=True):
    """`vacuum` and its like: twice is as good as once."""

    def ran(self, _: Connection) -> bool:
        """Nobody can tell, and nobody needs to."""
        return False

    def tidy(self, _: Connection) -> None:
        """Nothing stays behind."""

    def wrong(self, _: Connection) -> str:
        """Nothing can be."""
        return ""


def known(statement: str) -> Known | None:
    """What this statement is, where it is one whose traces we can read."""
    text = bare(statement)
    if found := _BUILD.match(text):
        return Build(found["table"], found["index"] and _plain(found["index"]))
    if found := _REMOVAL.match(text):
        return Removal(found["index"])
    if found := _REBUILD.match(text):
        return Rebuild(found["kind"], found["name"] or "")
    if found := _DETACH.match(text):
        return Detachment(found["parent"], found["part"])
    return Harmless() if _HARMLESS.match(text) else None


def bare(statement: str) -> str:
    """`statement` without the comments in front of it."""
    return _COMMENT.sub("", statement)


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
