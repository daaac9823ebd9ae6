"""Lints files: each on its own, so that what cannot be read in one hides nothing of the others."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.options import Options, Report
from lamppost.migrate.lint.paths import Found
from lamppost.migrate.lint.shelf import Library

if TYPE_CHECKING:
    from lamppost.migrate.lint.changed import Changes

# Asking the cache means reading the whole folder: for a few files judging them is faster.
_WORTH_A_CACHE = 16


def lint(
    paths: Sequence[Path],
    options: Options,
    *,
    cache: Path | None = None,
    changes: "Changes | None" = None,
) -> Report:
    """Lint files, and all `*.sql` of folders. Raises `OperatorError` for a path that is none.

    `cache` is a folder for what was found, so that a file that has not changed is not judged again.
    With `changes` only what they touch is judged; the rest of each folder counts as earlier files.
    """
    found = Found(paths)
    files = found.files if changes is None else changes.of(found.files)
    findings = [*found.closed, *_findings(files, options, cache)]
    if changes is not None:
        findings += changes.findings()
    return report(files, findings)


def cache_folder() -> Path | None:
    """The user's: `$XDG_CACHE_HOME/lamppost/lint`, else in `~/.cache`; None where there is no home."""
    place = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(place) / "lamppost" / "lint" if Path(place).is_absolute() else None


def report(files: Sequence[str], findings: Sequence[Finding]) -> Report:
    """The findings with their verdict."""
    severities = {finding.severity for finding in findings}
    verdict = "block" if "block" in severities else "advise" if severities else "pass"
    return Report(files=list(files), findings=list(findings), verdict=verdict)


def _findings(files: list[str], options: Options, place: Path | None) -> list[Finding]:
    library = Library()
    if place is None or len(files) < _WORTH_A_CACHE or options.catalog is not None:
        found = _judged(files, options, library)
    else:
        from lamppost.migrate.lint.cache import Cache

        cache = Cache(place, options, library)
        found = cache.recall(files)
        judged = _judged([path for path in files if path not in found], options, library)
        cache.keep(judged)
        found |= judged
    return [finding for path in files for finding in found[path]]


def _judged(files: list[str], options: Options, library: Library) -> dict[str, list[Finding]]:
    if not files:
        return {}
    # The rules and the parser are most of what is to be loaded, and a run that knows all does without.
    from lamppost.migrate.lint.processes import share

    return dict(zip(files, share(files, options, library), strict=True))
