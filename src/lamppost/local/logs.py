"""What functions said: one append-only file per function, readable while everything else is down.

A line is `{"t": ms, "i": ms, "s": stream, "m": message}`. Files are numbered; at 64 MB the next
one begins and only one older is kept. An event's id is its file's number and its place in it,
so ids and paging tokens stay good until the file goes.
"""

import os
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from lamppost.local.aliases import Aliases
from lamppost.local.bells import Bell, wait

ROTATE_BYTES = 64 * 1024 * 1024
# How far the wall clock may step back without a time range missing lines.
SLACK_MS = 60_000

Place = tuple[int, int]
START: Place = (0, 0)


class _Line(msgspec.Struct):
    t: int
    i: int
    s: str
    m: str


class LogEvent(msgspec.Struct, frozen=True):
    """One line a function wrote. Times are milliseconds since 1970; `place` orders all events."""

    place: Place
    timestamp: int
    ingestion: int
    stream: str
    message: str

    @property
    def id(self) -> str:
        """The event's id, which sorts like its place."""
        return f"{self.place[0]:010d}{self.place[1]:026d}"


class LogStore:
    """The logs of all functions. Names may be aliases."""

    def __init__(
        self, folder: Path, aliases: Aliases | None = None, *, rotate_bytes: int = ROTATE_BYTES
    ) -> None:
        self.aliases = aliases or Aliases()
        self._folder = folder
        self._rotate_bytes = rotate_bytes
        self._writers: dict[str, _Writer] = {}
        self._bell = Bell()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def functions(self) -> list[str]:
        """The canonical names of the functions that have a log, declared or written, sorted."""
        written = (
            path.name.rpartition(".jsonl")[0].rpartition(".")[0] for path in self._folder.glob("*.jsonl")
        )
        return sorted({*self.aliases.declared(), *written})

    def append(self, function: str, stream: str, messages: Sequence[str], *, at: int | None = None) -> None:
        """Add lines said at `at` (ms, now by default): one write to the operating system, no fsync."""
        now = time.time_ns() // 1_000_000
        lines = [
            msgspec.json.encode(_Line(now if at is None else at, now, stream, text)) for text in messages
        ]
        name = self.aliases.canonical(function)
        writer = self._writers.get(name)
        if writer is None:
            writer = self._writers[name] = _Writer(self._folder, name, self._rotate_bytes)
        writer.write(b"\n".join((*lines, b"")))
        self._bell.ring()

    def read(
        self, function: str, *, after: Place = START, since: int | None = None, until: int | None = None
    ) -> Iterator[LogEvent]:
        """Events from the place `after` on, said within [since, until] (ms), oldest first, read as needed."""
        for number, path in _files(self._folder, self.aliases.canonical(function)):
            if number < after[0]:
                continue
            with path.open("rb") as file:
                first = after[1] if number == after[0] else 0
                if since is not None:
                    first = max(first, _seek(file, since - SLACK_MS))
                for event in _events(file, number, first):
                    if until is not None and event.ingestion > until + SLACK_MS and event.timestamp > until:
                        return
                    if (since is None or event.timestamp >= since) and (
                        until is None or event.timestamp <= until
                    ):
                        yield event

    def tail(self, function: str, since: int) -> list[LogEvent]:
        """Everything a function said since `since` (ms)."""
        return list(self.read(function, since=since))

    async def follow(self, functions: Sequence[str], since: int) -> AsyncGenerator[tuple[str, LogEvent]]:
        """Each event since `since` (ms), and each new one as it comes, with its function; never ends."""
        places = dict.fromkeys(functions, START)
        while True:
            news = self._bell.listen()
            for function in functions:
                for event in self.read(function, after=places[function], since=since):
                    places[function] = following(event)
                    yield function, event
            # Another process may write too; its lines ring no bell here.
            await wait(news, 1.0)

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()


def following(event: LogEvent) -> Place:
    """The place right behind `event`: where to read on."""
    return event.place[0], event.place[1] + 1


class _Writer:
    """Appends to a function's newest file and begins the next when it is full."""

    def __init__(self, folder: Path, name: str, rotate_bytes: int) -> None:
        self._folder = folder
        self._name = name
        self._rotate_bytes = rotate_bytes
        files = _files(folder, name)
        self._number = files[-1][0] if files else 1
        self._open()

    def write(self, lines: bytes) -> None:
        if self._size and self._size + len(lines) > self._rotate_bytes:
            self._rotate()
        # One write per call, unbuffered: what was said before a kill -9 is in the file.
        self._file.write(lines)
        self._size += len(lines)

    def close(self) -> None:
        self._file.close()

    def _open(self) -> None:
        path = self._folder / f"{self._name}.{self._number}.jsonl"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        self._size = os.fstat(descriptor).st_size
        if self._size and os.pread(descriptor, 1, self._size - 1) != b"\n":
            # A full disk cut the last line: end it, so that the next one is whole.
            self._file.write(b"\n")
            self._size += 1

    def _rotate(self) -> None:
        self._file.close()
        self._number += 1
        self._open()
        for _, path in _files(self._folder, self._name)[:-2]:
            path.unlink(missing_ok=True)


def _files(folder: Path, name: str) -> list[tuple[int, Path]]:
    """A function's files with their numbers, oldest first."""
    found = []
    for path in folder.glob("*.jsonl"):
        stem, _, number = path.name.removesuffix(".jsonl").rpartition(".")
        if stem == name and number.isdecimal():
            found.append((int(number), path))
    return sorted(found)


def _events(file: BinaryIO, number: int, first: int) -> Iterator[LogEvent]:
    # Reading starts at a line's beginning; a place inside a line means the line after it.
    file.seek(max(first - 1, 0))
    if first:
        file.readline()
    place = file.tell()
    for raw in file:
        if not raw.endswith(b"\n"):
            return
        line = _line(raw)
        if line is not None:
            yield LogEvent((number, place), line.t, line.i, line.s, line.m)
        place += len(raw)


def _seek(file: BinaryIO, ingested: int) -> int:
    """A place in `file` before which nothing was written at `ingested` (ms) or later."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while high - low > 64 * 1024:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        line = _line(file.readline())
        if line is None or line.i >= ingested:
            high = middle
        else:
            low = middle
    return low


def _line(raw: bytes) -> _Line | None:
    try:
        return msgspec.json.decode(raw, type=_Line)
    except msgspec.DecodeError:
        return None
