"""Which files are meant: named ones, and the `*.sql` of folders. What cannot be looked at is a finding."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from lamppost.errors import OperatorError
from lamppost.migrate.lint.model import Finding


class Found:
    """The files to lint, each once, in order; and a finding for each folder that nobody may look into."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.closed: list[Finding] = []
        self.files = list(dict.fromkeys(file for path in paths for file in self._below(path)))

    def _below(self, path: Path) -> Iterator[str]:
        try:
            folder = stat.S_ISDIR(path.stat().st_mode)
        except FileNotFoundError as missing:
            if not path.is_symlink():
                raise OperatorError(
                    f"there is no {path}", fix="name migration files or folders", code="lint_path"
                ) from missing
            folder = False
        except OSError:
            # It exists: what is wrong with it is said when it is read.
            folder = False
        yield from self._walk(str(path)) if folder else [str(path)]

    def _walk(self, folder: str) -> list[str]:
        """Every `*.sql` that is no folder. Links to folders are not followed: they may lead back."""
        found: list[str] = []
        for place, _, names in os.walk(folder, onerror=self._refused):
            begin = place.removeprefix("./") + "/" if place != "." else ""
            found += [begin + name for name in names if name.endswith(".sql")]
        # As Paths compare: folder by folder.
        return sorted(found, key=lambda file: file.replace("/", "\0"))

    def _refused(self, error: OSError) -> None:
        self.closed.append(
            Finding(
                file=str(error.filename),
                line=1,
                rule="unreadable-file",
                severity="block",
                message=f"the folder cannot be opened: {error.strerror}",
                instead="see its rights",
            )
        )
