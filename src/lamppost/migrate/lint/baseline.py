"""Findings that were there before: recorded in a file, let pass as long as nothing about them changes.

A finding is known by its file, its rule and a hash of its statement, so that lines may move. The record is
JSON, one finding a line, sorted, with the beginning of each statement for whoever reviews it.
"""

import hashlib
import json
import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from lamppost.errors import OperatorError
from lamppost.migrate.lint import cut
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.source import Refusal, Source, content

# What is said of a file and of none of its statements.
_OF_FILES = {"file-name", "unreadable-file", "merged-file-edited", "late-file"}
_ABOUT = "what lamppost migrate lint found before this file was written; it lets these pass"


class Known(msgspec.Struct, frozen=True):
    """A recorded finding, and how many alike there are. `file` is relative to the record's folder."""

    file: str
    rule: str
    statement: str
    sha256: str
    count: int = 1

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is recognised by."""
        return self.file, self.rule, self.sha256


class _Record(msgspec.Struct):
    findings: list[Known]


def write(path: Path, findings: Sequence[Finding]) -> None:
    """Record these findings at `path`, as a whole or not at all. Raises `OperatorError`."""
    places = _Places(path)
    counted = Counter(places.known(finding) for finding in findings)
    known = [msgspec.structs.replace(one, count=count) for one, count in counted.items()]
    lines = [msgspec.json.encode(one).decode() for one in sorted(known, key=lambda one: one.key)]
    listed = "".join(f"\n    {line}," for line in lines).removesuffix(",") + ("\n  " if lines else "")
    text = f'{{\n  "about": {json.dumps(_ABOUT)},\n  "findings": [{listed}]\n}}\n'
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text)
        unfinished.replace(path)
    except OSError as wrong:
        raise OperatorError(
            f"{path} cannot be written: {wrong.strerror}", fix="name another place", code="lint_baseline"
        ) from wrong


def without(path: Path, findings: Sequence[Finding], files: Sequence[str]) -> list[Finding]:
    """`findings` without those recorded at `path`, and advice on records that fit nothing any more.

    Raises `OperatorError` for a record that is missing or damaged.
    """
    recorded = _read(path)
    left = Counter({one.key: one.count for one in recorded})
    places = _Places(path)
    kept: list[Finding] = []
    for finding in findings:
        key = places.known(finding).key
        if left[key] > 0:
            left[key] -= 1
        else:
            kept.append(finding)
    judged = {places.relative(file) for file in files}
    for one in recorded:
        if left[one.key] > 0 and (one.file in judged or not (path.parent / one.file).exists()):
            kept.append(_stale(path, one))
    return kept


def _read(path: Path) -> list[Known]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Record).findings
    except OSError as wrong:
        what = f"the baseline {path} cannot be read: {wrong.strerror}"
        raise OperatorError(what, fix="make it with --write-baseline", code="lint_baseline") from wrong
    except msgspec.MsgspecError as wrong:
        what = f"{path} is no baseline: {wrong}"
        raise OperatorError(what, fix="make it anew with --write-baseline", code="lint_baseline") from wrong


def _stale(path: Path, one: Known) -> Finding:
    lines = path.read_text().splitlines()
    wanted = (json.dumps(one.rule), json.dumps(one.file), json.dumps(one.sha256))
    line = next((n for n, text in enumerate(lines, 1) if all(part in text for part in wanted)), 1)
    return Finding(
        file=str(path),
        line=line,
        rule="stale-baseline",
        severity="advise",
        message=f"{one.rule} in {one.file} is recorded, and nothing there breaks it any more",
        instead="remove the line, or record anew with --write-baseline",
    )


class _Places:
    """Where findings stand: the statement of each, in files read once."""

    def __init__(self, record: Path) -> None:
        self._folder = os.path.realpath(record.parent)
        self._statements: dict[str, list[tuple[int, str]]] = {}

    def relative(self, file: str) -> str:
        """A file as the record names it."""
        return Path(os.path.relpath(os.path.realpath(file), self._folder)).as_posix()

    def known(self, finding: Finding) -> Known:
        """A finding as it would be recorded."""
        text = "" if finding.rule in _OF_FILES else self._statement(finding)
        said = text if len(text) <= 60 else text[:59] + "…"
        of = hashlib.sha256(text.encode()).hexdigest()[:16]
        return Known(self.relative(finding.file), finding.rule, said, of)

    def _statement(self, finding: Finding) -> str:
        if finding.file not in self._statements:
            self._statements[finding.file] = list(_statements(finding.file))
        there = self._statements[finding.file]
        at = bisect_right(there, finding.line, key=lambda one: one[0]) - 1
        return there[at][1] if at >= 0 else ""


def _statements(file: str) -> Iterator[tuple[int, str]]:
    """The first line and the text of each statement, without what formatting changes."""
    try:
        source = Source(content(file))
    except (OSError, Refusal):
        return
    for piece in cut.statements(source.text):
        yield source.line_of_character(piece.start), " ".join(source.text[piece].split())
