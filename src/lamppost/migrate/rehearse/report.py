"""What a rehearsal has to say: what each file did, and where that is not what was foretold."""

import msgspec

from lamppost.migrate.lint.model import Finding
from lamppost.migrate.rehearse.seen import Failed, Seen


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that did something else than `who` ("lint" or "plan") foretold.

    `worse` where a deploy would have been hurt: lint let it pass, and others wait while rows are read.
    """

    line: int
    text: str
    who: str
    said: str
    did: str
    worse: bool = False


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One judged file. `notes` are facts about the rehearsal itself, such as rows that had to go."""

    name: str
    statements: tuple[Seen, ...]
    findings: tuple[Finding, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    failed: Failed | None = None
    notes: tuple[str, ...] = ()
    milliseconds: float = 0.0

    @property
    def blocks(self) -> bool:
        """Whether this file should not be deployed as it is."""
        return (
            self.failed is not None
            or any(one.worse for one in self.contradictions)
            or any(one.severity == "block" for one in self.findings)
        )


class DatabaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """One database: files only applied, files judged, files not reached, tables without rows and why."""

    database: str
    applied: tuple[str, ...] = ()
    files: tuple[FileReport, ...] = ()
    unreached: tuple[str, ...] = ()
    unseeded: dict[str, str] = {}
    # What a second run would do; it should do nothing.
    again: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether anything of it should not be deployed."""
        return bool(self.again or self.unreached) or any(one.blocks for one in self.files)


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run on one server. `verdict` is "block" or "pass"."""

    server: str
    rows: int
    databases: tuple[DatabaseReport, ...]
    verdict: str
    seconds: float
