"""`lamppost doctor`: what is wrong here, and what to do about it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lamppost.cli.output import safe, show
from lamppost.cli.running import DEFAULT_DATA, Data, Json

if TYPE_CHECKING:
    from lamppost.diagnose.doctor import Report


def doctor(
    *,
    data: Data = DEFAULT_DATA,
    postgres: Annotated[
        str | None, Parameter(help="Look at the databases of this server (an administrator's URL) only.")
    ] = None,
    json: Json = False,
) -> int:
    """Look for what is wrong: the system, its databases, its tenants' walls, its work. Changes nothing.

    Each finding says what, where and what to do, with a stable code. Exit code 1 when something is wrong,
    0 when all is well or there is only advice.
    """
    from lamppost.diagnose.doctor import examine
    from lamppost.diagnose.place import Place

    report = examine(Place(Path.cwd(), data.resolve(), postgres))
    value = {"findings": report.findings, "fine": report.fine, "wrong": report.wrong}
    show(value, lambda: _words(report), as_json=json)
    return 1 if report.wrong else 0


def _words(report: "Report") -> str:
    lines = []
    for finding in report.findings:
        lines.append(f"{finding.severity:<6}  {safe(finding.where)}: {safe(finding.what)}  [{finding.code}]")
        lines.append(f"        fix: {safe(finding.fix)}")
    advice = len(report.findings) - report.wrong
    lines.append(f"{report.wrong} wrong, {advice} advice, {len(report.fine)} checks ok")
    return "\n".join(lines)
