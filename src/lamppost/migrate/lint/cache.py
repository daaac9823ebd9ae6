"""What was found in files that have not changed since, nor anything their findings depend on.

A file's key is a hash over all of that: the linter's own sources, PostgreSQL's parser, the options, the
owner of the folder, the files of `--earlier`, and then every file of the folder up to itself, in order. One
shelf on disk holds the latest findings of one folder. It is replaced as a whole or not at all, so a run that
is killed leaves the old one; two runs at once leave the work of one of them; what is damaged is ignored.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import msgspec

import lamppost
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.options import Options
from lamppost.migrate.lint.owner import of_folder
from lamppost.migrate.lint.shelf import Library, apart

# The cache never takes more than their product, and most shelves are small.
_SHELVES = 64
_LARGEST = 4_000_000
_SEAL = 16

Line = tuple[int, str, str, str, str]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What was found in a file when its key was this."""

    key: str
    findings: list[Line]


class Cache:
    """The cache of one run in `place`."""

    def __init__(self, place: Path, options: Options, library: Library) -> None:
        self._place = place
        self._library = library
        self._keys: dict[str, str] = {}
        self._shelves: dict[str, dict[str, Entry]] = {}
        self._options = options
        self._base = _hash(_linter(), msgspec.msgpack.encode(options))
        if options.earlier is not None:
            for path in library.shelf(str(Path(options.earlier)), deep=True).paths:
                _add(self._base, path.encode(), library.content_if_any(path) or b"")

    def recall(self, files: list[str]) -> dict[str, list[Finding]]:
        """The findings of those files whose key is the one they had."""
        found: dict[str, list[Finding]] = {}
        for path in files:
            folder, name = apart(path)
            if folder not in self._shelves:
                self._shelves[folder] = self._load(folder)
                self._keys.update(self._keys_of(folder))
            entry = self._shelves[folder].get(name)
            if entry is not None and entry.key == self._keys.get(path):
                found[path] = [_finding(path, line) for line in entry.findings]
        return found

    def keep(self, judged: Mapping[str, list[Finding]]) -> None:
        """Remember what was found. Where nothing can be written, nothing is remembered."""
        changed: set[str] = set()
        for path, findings in judged.items():
            folder, name = apart(path)
            if key := self._keys.get(path):
                self._shelves[folder][name] = Entry(key, [_line(finding) for finding in findings])
                changed.add(folder)
        for folder in changed:
            there = {apart(path)[1] for path in self._library.shelf(folder).paths}
            self._save(
                folder, {name: entry for name, entry in self._shelves[folder].items() if name in there}
            )

    def _keys_of(self, folder: str) -> Iterator[tuple[str, str]]:
        """The key of each file of a folder: each goes over all those before it."""
        running = self._base.copy()
        _add(running, (of_folder(folder) or "").encode())
        for path in self._library.shelf(folder).paths:
            content = self._library.content_if_any(path)
            _add(running, apart(path)[1].encode(), content or b"")
            if content is not None:
                yield path, running.hexdigest()

    def _file(self, folder: str) -> Path:
        of = _hash(str(Path(folder).absolute()).encode(), msgspec.msgpack.encode(self._options))
        return self._place / of.hexdigest()

    def _load(self, folder: str) -> dict[str, Entry]:
        try:
            raw = self._file(folder).read_bytes()
            if _seal(raw[_SEAL:]) != raw[:_SEAL]:
                return {}
            return msgspec.msgpack.decode(raw[_SEAL:], type=dict[str, Entry])
        except (OSError, msgspec.MsgspecError):
            return {}

    def _save(self, folder: str, shelf: dict[str, Entry]) -> None:
        content = msgspec.msgpack.encode(shelf)
        if len(content) > _LARGEST:
            return
        file = self._file(folder)
        unfinished = file.with_suffix(f".{os.getpid()}")
        try:
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room()
            unfinished.write_bytes(_seal(content) + content)
            unfinished.replace(file)
        except OSError:
            # A read-only home or a full disk: linting does not depend on it.
            with suppress(OSError):
                unfinished.unlink()

    def _make_room(self) -> None:
        there = sorted(self._place.iterdir(), key=lambda path: path.stat().st_mtime)
        for oldest in there[: max(0, len(there) + 1 - _SHELVES)]:
            oldest.unlink(missing_ok=True)


def _linter() -> bytes:
    """Everything that decides what is found: our sources, and the version of PostgreSQL's parser."""
    migrate = Path(__file__).parent.parent
    parser = find_spec("pglast")
    sources = [
        Path(lamppost.__file__),
        migrate / "naming.py",
        migrate / "header.py",
        *sorted(migrate.glob("lint/*.*")),
        *sorted(migrate.glob("lint/rules/*.py")),
        # Its __init__ says which version it is.
        *([Path(parser.origin)] if parser and parser.origin else []),
    ]
    found = _hash(sys.version.encode())
    for path in sources:
        _add(found, path.name.encode(), path.read_bytes())
    return found.digest()


def _hash(*parts: bytes) -> "hashlib.blake2b":
    found = hashlib.blake2b(digest_size=16)
    _add(found, *parts)
    return found


def _add(to: "hashlib.blake2b", *parts: bytes) -> None:
    """Each part behind its length: no two lists of parts look alike."""
    for part in parts:
        to.update(b"%d:" % len(part))
        to.update(part)


def _seal(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_SEAL).digest()


def _line(finding: Finding) -> Line:
    return (finding.line, finding.rule, finding.severity, finding.message, finding.instead)


def _finding(path: str, line: Line) -> Finding:
    number, rule, severity, message, instead = line
    return Finding(
        file=path,
        line=number,
        rule=rule,
        severity="block" if severity == "block" else "advise",
        message=message,
        instead=instead,
    )
