"""`lamppost migrate lint`: what the files would do to a busy database. Exit 1 when anything blocks.

Works on any folder of SQL files. It reads its own arguments, so that a hook that lints one file
does not wait for what the other commands need.
"""

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lamppost.errors import LamppostError

if TYPE_CHECKING:
    from lamppost.migrate.lint.options import Report

USAGE = """usage: lamppost migrate lint PATH... [options]

Lint migration files, or all *.sql of folders.

  --service NAME          whose files they are: they may touch the schema of that name only
  --pg VERSION            the server's version (15, or 14.2; default 15)
  --earlier DIR           files that ran before these
  --catalog URL           a live database to ask about types, rows and names
  --changed[=BASE]        only what this branch adds to BASE (default: the branch it left from)
  --baseline FILE         let pass what is recorded there
  --write-baseline FILE   record what is found today
  --no-cache              judge every file anew
  --json                  one object: files, findings, verdict (so, too, when nobody reads along)
  --words                 for people, wherever it goes
  --sarif                 for code scanning
  --github                as annotations of a GitHub workflow

Exit code: 0 nothing blocks, 1 something does, 2 wrong usage."""

_VALUED = {"--service", "--pg", "--earlier", "--catalog", "--baseline", "--write-baseline"}
_FLAGS = {"--json", "--words", "--sarif", "--github", "--no-cache", "--changed"}


class _Usage(Exception):
    """Arguments that say nothing we know."""


class _Arguments:
    """What the command line says."""

    def __init__(self, arguments: list[str]) -> None:
        self.paths: list[Path] = []
        self.values: dict[str, str] = {}
        self.flags: set[str] = set()
        rest = iter(arguments)
        for argument in rest:
            name, equals, value = argument.partition("=")
            if argument in _FLAGS:
                self.flags.add(argument)
            elif name in _VALUED:
                given = value if equals else next(rest, None)
                if not given:
                    raise _Usage(f"{name} needs a value")
                self.values[name] = given
            elif name == "--changed" and value:
                self.flags.add(name)
                self.values[name] = value
            elif argument == "--":
                self.paths += map(Path, rest)
            elif argument.startswith("--"):
                raise _Usage(f"there is no option {argument}")
            else:
                self.paths.append(Path(argument))
        if not self.paths:
            raise _Usage("name the files or folders to lint")
        if "--write-baseline" in self.values and ({"--changed", "--baseline"} & {*self.flags, *self.values}):
            raise _Usage("--write-baseline records everything: leave out --changed and --baseline")


def main(arguments: list[str]) -> int:
    """Lint as `arguments` say; the exit code."""
    if "--help" in arguments or "-h" in arguments:
        print(USAGE)
        return 0
    try:
        asked = _Arguments(arguments)
    except _Usage as wrong:
        print(f"{wrong}\n\n{USAGE}", file=sys.stderr)
        return 2
    # One short run that frees nothing on purpose: collecting would take a third of its time.
    gc.disable()
    try:
        report = _report(asked)
    except LamppostError as error:
        from lamppost.cli.output import say_error

        say_error(error)
        return 2
    _print(report, asked.flags)
    return 1 if report.verdict == "block" else 0


def _report(asked: _Arguments) -> "Report":
    from lamppost.migrate.lint.light import import_msgspec

    import_msgspec()
    from lamppost.migrate.lint import run
    from lamppost.migrate.lint.options import Options

    values = asked.values
    options = Options(
        service=values.get("--service"),
        pg=values.get("--pg", "15"),
        earlier=values.get("--earlier"),
        catalog=values.get("--catalog"),
    )
    changes = None
    if "--changed" in asked.flags:
        from lamppost.migrate.lint.changed import Changes

        changes = Changes(asked.paths, values.get("--changed"))
        print(f"changed since {changes.since[:10]}, where this left {changes.base}", file=sys.stderr)
    place = None if "--no-cache" in asked.flags else run.cache_folder()
    report = run.lint(asked.paths, options, cache=place, changes=changes)
    record = values.get("--write-baseline") or values.get("--baseline")
    if record is None:
        return report
    from lamppost.migrate.lint import baseline

    if "--write-baseline" in values:
        baseline.write(Path(record), report.findings)
        print(f"{len(report.findings)} findings recorded in {record}", file=sys.stderr)
    return run.report(report.files, baseline.without(Path(record), report.findings, report.files))


def _print(report: "Report", flags: set[str]) -> None:
    import msgspec

    if "--github" in flags or "--sarif" in flags:
        from lamppost.migrate.lint.report import github, sarif, summary

        if "--github" in flags:
            print(github(report), summary(report), sep="\n" if report.findings else "")
        else:
            sys.stdout.write(
                msgspec.json.format(msgspec.json.encode(sarif(report)), indent=2).decode() + "\n"
            )
    elif "--json" in flags or not ("--words" in flags or sys.stdout.isatty()):
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n")
    else:
        from lamppost.cli.output import safe
        from lamppost.migrate.lint.report import words

        print(safe(words(report)))
