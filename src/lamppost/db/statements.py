"""Each SQL statement as a span: what kind of statement, on which table, never with which values."""

import re
from functools import lru_cache
from time import time_ns
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import Row

from lamppost.observe import trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg.abc import Params

# Quoted text, dollar-quoted text, comments, numbers: what could be somebody's.
_LITERAL = re.compile(
    r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|[eE]?'(?:[^'\\]|''|\\.)*'|(?<![\w$%])\d[\d.]*(?:[eE][+-]?\d+)?",
    re.DOTALL,
)
_LOCKS = re.compile(r"\bfor\s+(?:no\s+key\s+)?update\b", re.IGNORECASE)
_NAME = r"([a-z_][\w$]*(?:\.[a-z_][\w$]*)?)(?![\w$.])"
_WORK = re.compile(r"\b(insert|update|delete|merge|select)\b", re.IGNORECASE)
_TABLE = re.compile(rf"\b(?:from|join)\s+(?:only\s+)?{_NAME}(?!\s*\()", re.IGNORECASE)
_AIM = re.compile(
    rf"\b(?:insert\s+into|update|delete\s+from|merge\s+into)\s+(?:only\s+)?{_NAME}", re.IGNORECASE
)
_CALLED = re.compile(rf"\b(?:select|from)\s+{_NAME}\s*\(", re.IGNORECASE)
_COMMON = re.compile(r"(?:\bwith(?:\s+recursive)?|,)\s+([a-z_][\w$]*)\s+as\s+(?:\w+\s+)?\(", re.IGNORECASE)


class Statement(psycopg.Cursor[Row]):
    """psycopg's cursor; where spans are recorded, its statements are."""

    def execute(
        self, query: Any, params: "Params | None" = None, *,
        prepare: bool | None = None, binary: bool | None = None,
    ) -> "Statement[Row]":  # fmt: skip
        """Run a statement, as psycopg does."""
        if trace.recording is None:
            super().execute(query, params, prepare=prepare, binary=binary)
            return self
        begun = time_ns()
        try:
            super().execute(query, params, prepare=prepare, binary=binary)
        except psycopg.Error as error:
            self._note(query, begun, error)
            raise
        self._note(query, begun, None)
        return self

    def executemany(self, query: Any, params_seq: "Iterable[Params]", *, returning: bool = False) -> None:
        """Run a statement many times, as psycopg does."""
        if trace.recording is None:
            return super().executemany(query, params_seq, returning=returning)
        begun = time_ns()
        try:
            super().executemany(query, params_seq, returning=returning)
        except psycopg.Error as error:
            self._note(query, begun, error)
            raise
        return self._note(query, begun, None)

    def _note(self, query: Any, begun: int, error: psycopg.Error | None) -> None:
        recording = trace.recording
        if recording is None:
            return
        name, fingerprint = told(self._text(query))
        span = recording.begin(name, "sql", {"fingerprint": fingerprint})
        if span is None:
            return
        span.begin, span.end = begun, time_ns()
        if error is not None:
            span.error = error.sqlstate or type(error).__name__
        elif self.rowcount >= 0:
            span.fields["rows"] = self.rowcount

    def _text(self, query: Any) -> str:
        if isinstance(query, str):
            return query
        if isinstance(query, bytes):
            return query.decode("utf-8", "replace")
        return str(query.as_string(self.connection)) if hasattr(query, "as_string") else ""


@lru_cache(maxsize=512)
def told(statement: str) -> tuple[str, str]:
    """What may be told of a statement: `insert birthday.people`, and its fingerprint.

    The fingerprint is the same for the same text, whatever its spacing, comments and literals.
    """
    # Nobody who records no spans loads it.
    from hashlib import blake2s

    plain = " ".join(
        _LITERAL.sub(lambda found: "" if found[0][:2] in ("--", "/*") else "?", statement).split()
    )
    return _name(plain), blake2s(plain.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _name(plain: str) -> str:
    plain = _LOCKS.sub("", plain)
    works = [word.lower() for word in _WORK.findall(plain)]
    if not works:
        return plain.partition(" ")[0][:20].lower()
    # What a statement changes is what it is for, whatever it reads on the way.
    work = next((word for word in works if word != "select"), "select")
    if work != "select":
        aims = {found[0].split()[0].lower(): found[1] for found in reversed([*_AIM.finditer(plain)])}
        return f"{work} {aims[work]}"[:100] if work in aims else work
    common = {name.lower() for name in _COMMON.findall(plain)}
    tables = [table for table in _TABLE.findall(plain) if table.lower() not in common]
    called = _CALLED.search(plain)
    if tables:
        return f"select {tables[0]}"[:100]
    return f"select {called[1]}()"[:100] if called else "select"
