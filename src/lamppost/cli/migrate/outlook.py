"""What `plan` knows of each pending file beside its name: what it would do, and what lint says of it."""

import tempfile
from pathlib import Path

import msgspec

from lamppost.migrate.files import LOOSE, PLATFORM, Bundle
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.options import Options
from lamppost.migrate.lint.run import lint
from lamppost.migrate.plan import Plan
from lamppost.migrate.risk import FileRisk, judge_all
from lamppost.migrate.sizes import survey


class Outlook(msgspec.Struct, frozen=True):
    """One pending file or open job: its statements' risks, and lint's findings."""

    risk: FileRisk
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """`2 blocking, 1 advice`, or that lint has no objection."""
        blocking = sum(one.severity == "block" for one in self.findings)
        advice = len(self.findings) - blocking
        words = [f"{blocking} blocking"] * bool(blocking) + [f"{advice} advice"] * bool(advice)
        return f"lint: {', '.join(words) or 'no objection'}"


def outlook(conninfo: str, bundle: Bundle, todo: Plan, pg: str) -> dict[str, Outlook]:
    """What is foretold of each pending file and open job of `todo`, by name; `pg` is the server's version."""
    names = {one.name for one in (*todo.pending, *todo.jobs)}
    waiting = [one for one in bundle.migrations if one.name in names]
    if not waiting:
        return {}
    risks = judge_all(waiting, survey(conninfo), pg=pg)
    findings = _linted(conninfo, bundle, names, pg)
    return {risk.name: Outlook(risk, tuple(findings.get(risk.name, ()))) for risk in risks}


def _linted(conninfo: str, bundle: Bundle, names: set[str], pg: str) -> dict[str, list[Finding]]:
    """Lint the waiting files beside those before them, as they stand in the bundle."""
    found: dict[str, list[Finding]] = {}
    with tempfile.TemporaryDirectory() as place:
        for service in bundle.services:
            if service == PLATFORM:
                continue
            folder = Path(place) / service
            folder.mkdir()
            for migration in bundle.of(service):
                (folder / migration.name).write_text(migration.text)
            wanted = [folder / one.name for one in bundle.of(service) if one.name in names]
            owner = None if service == LOOSE else service
            for finding in lint(wanted, Options(service=owner, pg=pg, catalog=conninfo)).findings:
                name = Path(finding.file).name
                found.setdefault(name, []).append(msgspec.structs.replace(finding, file=name))
    return found
