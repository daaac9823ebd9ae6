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

  --service NAME   whose files they are: they may touch the schema of that name only
  --pg VERSION     the server's version (15, or 14.2; default 15)
  --earlier DIR    files that ran before these
  --catalog URL    a live database to ask about types, rows and names
  --json           one object: files, findings, verdict
  --sarif          for code scanning
  --github         as annotations of a GitHub workflow

Exit code: 0 nothing blocks, 1 something does, 2 wrong usage."""

_VALUED = {"--service", "--pg", "--earlier", "--catalog"}
_FORMATS = {"--json", "--sarif", "--github", "--no-cache"}


class _Usage(Exception):
    """Arguments that say nothing we know."""


def main(arguments: list[str]) -> int:
    """Lint as `arguments` say; the exit code."""
    if "--help" in arguments or "-h" in arguments:
        print(USAGE)
        return 0
    try:
        paths, values, formats = _read(arguments)
    except _Usage as wrong:
        print(f"{wrong}\n\n{USAGE}", file=sys.stderr)
        return 2
    # One short run that frees nothing on purpose: collecting would take a third of its time.
    gc.disable()
    from lamppost.migrate.lint import cache
    from lamppost.migrate.lint.options import Options
    from lamppost.migrate.lint.run import lint

    try:
        options = Options(
            service=values.get("--service"),
            pg=values.get("--pg", "15"),
            earlier=values.get("--earlier"),
            catalog=values.get("--catalog"),
        )
        report = lint(paths, options, cache=None if "--no-cache" in formats else cache.folder())
    except LamppostError as error:
        from lamppost.cli.output import say_error

        say_error(error)
        return 2
    _print(report, formats)
    return 1 if report.verdict == "block" else 0


def _read(arguments: list[str]) -> tuple[list[Path], dict[str, str], set[str]]:
    paths: list[Path] = []
    values: dict[str, str] = {}
    formats: set[str] = set()
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if argument in _FORMATS:
            formats.add(argument)
        elif name in _VALUED:
            given = value if equals else next(rest, None)
            if given is None:
                raise _Usage(f"{name} needs a value")
            values[name] = given
        elif argument.startswith("--") and argument != "--":
            raise _Usage(f"there is no option {argument}")
        elif argument != "--":
            paths.append(Path(argument))
    if not paths:
        raise _Usage("name the files or folders to lint")
    return paths, values, formats


def _print(report: "Report", formats: set[str]) -> None:
    import msgspec

    if "--github" in formats or "--sarif" in formats:
        from lamppost.migrate.lint.report import github, sarif, summary

        if "--github" in formats:
            print(github(report), summary(report), sep="\n" if report.findings else "")
        else:
            sys.stdout.write(
                msgspec.json.format(msgspec.json.encode(sarif(report)), indent=2).decode() + "\n"
            )
    elif "--json" in formats or not sys.stdout.isatty():
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n")
    else:
        from lamppost.cli.output import safe
        from lamppost.migrate.lint.report import words

        print(safe(words(report)))
