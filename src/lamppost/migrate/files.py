"""Migration files: found, named, read and hashed. What cannot be applied is refused before any database is.

A file is `YYYY-MM-DDThhmm__service__description.sql` in the `migrations` folder of the service that owns
the tables. The platform's own files come first in every database; the others go by name, which begins
with the time.
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from lamppost.errors import AuthorError
from lamppost.migrate import header
from lamppost.migrate.header import Job, Phase
from lamppost.migrate.naming import check_name

PLATFORM = "lamppost"
PLATFORM_FOLDER = Path(__file__).parent.parent / "migrations"
# Whose files those of a folder are that belongs to no service.
LOOSE = "-"


class Migration(msgspec.Struct, frozen=True):
    """One file. `text` is sent as it stands; `sha256` is of its bytes, `text_sha256` of `normalised` text.

    `in_transaction` is false for files that run statement by statement; a `job` is not part of a deploy.
    """

    name: str
    service: str
    text: str
    sha256: str
    text_sha256: str
    in_transaction: bool = True
    phase: Phase = "expand"
    job: Job | None = None


class Bundle(msgspec.Struct, frozen=True):
    """All files of one database in the order they are applied, and the services they may belong to."""

    migrations: tuple[Migration, ...]
    services: tuple[str, ...]

    def of(self, service: str) -> tuple[Migration, ...]:
        """The files of one service, oldest first."""
        return tuple(migration for migration in self.migrations if migration.service == service)


def discover(folders: Iterable[tuple[str, Path]]) -> Bundle:
    """Read the files of these services: pairs of a service's name and its migrations folder.

    The platform's folder is always among them. A folder that is missing holds nothing.
    Raises `AuthorError` for a file that could not be applied.
    """
    places = dict(chain([(PLATFORM, PLATFORM_FOLDER)], folders))
    found = [read(path, service) for service, folder in places.items() for path in _files(folder)]
    found.sort(key=lambda migration: (migration.service != PLATFORM, migration.name))
    return Bundle(tuple(found), tuple(places))


def loose(folder: Path) -> Bundle:
    """The `*.sql` of a folder that belongs to no service, by name, whatever they are called.

    Raises `AuthorError` for a folder without any, and for a file that could not be applied.
    """
    found = tuple(_read(path, LOOSE) for path in _files(folder))
    if not found:
        raise AuthorError(
            f"there is no *.sql in {folder}", fix="name a folder of migration files", code="migration_folder"
        )
    return Bundle(found, (LOOSE,))


def read(path: Path, service: str) -> Migration:
    """One file of `service`. Raises `AuthorError`: its name, its encoding, or nothing in it."""
    check_name(path.name, service)
    return _read(path, service)


def _read(path: Path, service: str) -> Migration:
    raw = path.read_bytes()
    text = _decoded(path, raw)
    said = _header(path, text)
    return Migration(
        name=path.name,
        service=service,
        text=text,
        sha256=hashlib.sha256(raw).hexdigest(),
        text_sha256=hashlib.sha256(normalised(text).encode()).hexdigest(),
        in_transaction=said.in_transaction,
        phase=said.phase,
        job=said.job,
    )


def normalised(text: str) -> str:
    """`text` without what editors and checkouts change: line ends, spaces before them, blank lines around."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def hash_of(statements: Sequence[str]) -> str:
    """One hash of the statements that ran, in their order."""
    return hashlib.sha256("\0".join(statements).encode()).hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sql")) if folder.is_dir() else []


def _decoded(path: Path, raw: bytes) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise AuthorError(
            f"{path.name}: begins with a byte order mark, which PostgreSQL takes for a letter",
            fix="save it as UTF-8 without BOM",
            code="migration_encoding",
        )
    try:
        text = raw.decode()
    except UnicodeDecodeError as unreadable:
        line = raw[: unreadable.start].count(b"\n") + 1
        raise AuthorError(
            f"{path.name}:{line}: not UTF-8", fix="save it as UTF-8", code="migration_encoding"
        ) from unreadable
    if "\0" in text:
        # The driver would send only what stands before it, and report success.
        line = text[: text.index("\0")].count("\n") + 1
        raise AuthorError(f"{path.name}:{line}: a NUL byte", fix="remove it", code="migration_encoding")
    if not text.strip():
        raise AuthorError(f"{path.name}: empty", fix="write its SQL or remove it", code="migration_empty")
    return text


def _header(path: Path, text: str) -> header.Header:
    said = header.read(text)
    for line, message in said.wrong:
        raise AuthorError(
            f"{path.name}:{line}: {message}", fix=f"write {header.KNOWN}", code="migration_directive"
        )
    return said
