"""Lints files: each on its own, so that what cannot be read in one hides nothing of the others."""

from collections.abc import Sequence
from pathlib import Path

from lamppost.migrate.lint.earlier import Library
from lamppost.migrate.lint.facts import Before, Known
from lamppost.migrate.lint.file import lint_file
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.options import Options, Report
from lamppost.migrate.lint.paths import Found
from lamppost.migrate.lint.processes import share

__all__ = ["Options", "Report", "lint", "lint_file"]


def lint(paths: Sequence[Path], options: Options) -> Report:
    """Lint files, and all `*.sql` of folders. Raises `OperatorError` for a path or a version that is none."""
    assert options.version
    found = Found(paths)
    findings = [*found.closed, *share(found.files, options, _catalog(options), Library())]
    return report(found.files, findings)


def report(files: Sequence[Path], findings: list[Finding]) -> Report:
    """The findings with their verdict."""
    severities = {finding.severity for finding in findings}
    verdict = "block" if "block" in severities else "advise" if severities else "pass"
    return Report(files=[str(path) for path in files], findings=findings, verdict=verdict)


def _catalog(options: Options) -> Before | None:
    if options.catalog is None:
        return None
    from lamppost.migrate.lint import catalog

    return Known(catalog.read(options.catalog))
