"""How to lint, and what comes of it."""

import re

import msgspec

from lamppost.errors import OperatorError
from lamppost.migrate.lint.model import Finding

_PG = re.compile(r"\d+(\.\d+)?")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to lint. `pg` is the server's version (`15`, `14.2`); `service` owns the files, if known."""

    service: str | None = None
    pg: str = "15"
    earlier: str | None = None
    catalog: str | None = None

    def __post_init__(self) -> None:
        """Raise `OperatorError` for a version that is none."""
        if not _PG.fullmatch(self.pg):
            raise OperatorError(
                f"--pg {self.pg} is no version of PostgreSQL", fix="say --pg 15", code="lint_version"
            )

    @property
    def version(self) -> tuple[int, int | None]:
        """The server's major and minor version."""
        major, _, minor = self.pg.partition(".")
        return int(major), int(minor) if minor else None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in which files. `verdict` is the gravest: "block", "advise" or "pass"."""

    files: list[str]
    findings: list[Finding]
    verdict: str
