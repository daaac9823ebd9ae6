"""A report as others read it: JSON, SARIF 2.1.0 for code scanning, GitHub's annotations, and words."""

from typing import Any

from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.options import Report
from lamppost.migrate.lint.rules import load

# What is said about a file whose name does not follow the convention.
NAME = "file-name"
_LEVEL = {"block": "error", "advise": "warning"}


def sarif(report: Report) -> dict[str, Any]:
    """The report as one SARIF run. Paths are as they were given: relative to the folder lint ran in."""
    rules = {rule.name: rule for rule in load()}
    named = sorted({*rules, *(finding.rule for finding in report.findings)})
    described = [
        {
            "id": name,
            "shortDescription": {"text": rules[name].when if name in rules else name},
            "help": {"text": rules[name].instead if name in rules else ""},
        }
        for name in named
    ]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "lamppost", "rules": described}},
                "results": [_result(finding) for finding in report.findings],
            }
        ],
    }


def _result(finding: Finding) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "level": _LEVEL[finding.severity],
        "message": {"text": f"{finding.message}. Instead: {finding.instead}."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": finding.file},
                    "region": {"startLine": finding.line},
                }
            }
        ],
    }


def github(report: Report) -> str:
    """One workflow command for each finding, which GitHub shows beside the line."""
    return "\n".join(
        f"::{_LEVEL[finding.severity]} file={_property(finding.file)},line={finding.line},"
        f"title={_property(finding.rule)}::{_data(f'{finding.message}. Instead: {finding.instead}.')}"
        for finding in report.findings
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def words(report: Report) -> str:
    """For a person: what, who waits, what to write instead, and a count at the end."""
    lines: list[str] = []
    # Where other tools name the files, one word about it is enough.
    named = sum(_of_another_tool(finding) for finding in report.findings)
    said = False
    for finding in report.findings:
        if _of_another_tool(finding) and said:
            continue
        mark = "" if finding.severity == "block" else " (advice)"
        others = f", as in {named - 1} more files" if _of_another_tool(finding) and named > 1 else ""
        said = said or _of_another_tool(finding)
        lines.append(f"{finding.file}:{finding.line}  {finding.rule}{mark}{others}")
        lines.append(f"    {_sentence(finding.message)}")
        lines.append(f"    Instead: {finding.instead}.")
    return "\n".join([*lines, summary(report)])


def _of_another_tool(finding: Finding) -> bool:
    return finding.rule == NAME and finding.severity == "advise"


def summary(report: Report) -> str:
    """The last line: what a script can look for."""
    files = f"{len(report.files)} {'file' if len(report.files) == 1 else 'files'}"
    blocking = sum(finding.severity == "block" for finding in report.findings)
    advice = len(report.findings) - blocking
    found = [f"{blocking} blocking"] if blocking else []
    found += [f"{advice} advice"] if advice else []
    return f"verdict {report.verdict}: {', '.join(found) or 'nothing found'} in {files}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
