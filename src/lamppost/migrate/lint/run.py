"""Lints files: each on its own, so that what cannot be read in one hides nothing of the others."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate import header
from lamppost.migrate.files import check_name, service_of
from lamppost.migrate.lint import model
from lamppost.migrate.lint.facts import Before, Earlier, Known, Library
from lamppost.migrate.lint.model import Finding, Severity, Statement
from lamppost.migrate.lint.parse import Unreadable, parse
from lamppost.migrate.lint.pg import scan
from lamppost.migrate.lint.rules import Rule, load
from lamppost.migrate.lint.source import Refusal, Source
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.translate import Translator

# Below this a second process costs more than it saves.
_WORTH_A_PROCESS = 64
_DEPTH = 12_000
_LONG_NAME = re.compile(r'[^\W\d][\w$]{63,}|"[^"]{64,}"')
_PG = re.compile(r"(\d+)(?:\.(\d+))?")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to lint. `pg` is the server's version (`15`, `14.2`); `service` owns the files, if known."""

    service: str | None = None
    pg: str = "15"
    earlier: str | None = None
    catalog: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in which files. `verdict` is the gravest: "block", "advise" or "pass"."""

    files: list[str]
    findings: list[Finding]
    verdict: str


def lint(paths: Sequence[Path], options: Options) -> Report:
    """Lint files, and all `*.sql` of folders. Raises `OperatorError` for a path or a version that is none."""
    _version(options.pg)
    files = _files(paths)
    before = _catalog(options)
    findings = _lint_all(files, options, before)
    severities = {finding.severity for finding in findings}
    verdict = "block" if "block" in severities else "advise" if severities else "pass"
    return Report(files=[str(path) for path in files], findings=findings, verdict=verdict)


def _version(text: str) -> tuple[int, int | None]:
    found = _PG.fullmatch(text)
    if found is None:
        raise OperatorError(
            f"--pg {text} is no version of PostgreSQL", fix="say --pg 15", code="lint_version"
        )
    return int(found[1]), int(found[2]) if found[2] else None


def _files(paths: Sequence[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found.update(dict.fromkeys(sorted(one for one in path.rglob("*.sql") if one.is_file())))
        elif path.exists():
            found[path] = None
        else:
            raise OperatorError(
                f"there is no {path}", fix="name migration files or folders", code="lint_path"
            )
    return list(found)


def _catalog(options: Options) -> Before | None:
    if options.catalog is None:
        return None
    from lamppost.migrate.lint import catalog

    return Known(catalog.read(options.catalog))


def _lint_all(files: list[Path], options: Options, before: Before | None) -> list[Finding]:
    library = Library()
    if len(files) < _WORTH_A_PROCESS or (os.cpu_count() or 1) < 2 or not hasattr(os, "fork"):
        return [finding for path in files for finding in lint_file(path, options, before, library)]
    rules_by_kind()
    half = len(files) // 2
    return _in_two(files[:half], files[half:], options, before)


def _in_two(first: list[Path], second: list[Path], options: Options, before: Before | None) -> list[Finding]:
    """The second half in a forked process: it sends its findings through a pipe and leaves."""
    library = Library()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            found = [finding for path in second for finding in lint_file(path, options, before, library)]
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(msgspec.msgpack.encode(found))
            status = 0
        finally:
            # Not sys.exit: nothing of the parent's must be flushed or cleaned up twice.
            os._exit(status)
    os.close(writer)
    mine = [finding for path in first for finding in lint_file(path, options, before, library)]
    with os.fdopen(reader, "rb") as pipe:
        sent = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        # The other process died: its files are linted here, where the error can be seen.
        return mine + [finding for path in second for finding in lint_file(path, options, before, library)]
    return mine + msgspec.msgpack.decode(sent, type=list[Finding])


def lint_file(
    path: Path, options: Options, before: Before | None = None, library: Library | None = None
) -> list[Finding]:
    """The findings of one file, by line."""
    # `a + b + c …` nests as deep as it is long: four thousand terms must do, and more are refused.
    sys.setrecursionlimit(_DEPTH)
    service = options.service or _service(path)
    findings = list(_name(path, service))
    try:
        raw = path.read_bytes()
        source = Source(raw)
    except OSError as wrong:
        return [
            *findings,
            _file_finding(
                path, 1, "unreadable-file", f"cannot be opened: {wrong.strerror}", "see its rights"
            ),
        ]
    except Refusal as refusal:
        return [
            *findings,
            _file_finding(path, refusal.line, "unreadable-file", refusal.message, refusal.instead),
        ]
    said = header.read(source.text)
    for line, message in said.wrong:
        findings.append(
            _file_finding(
                path,
                line,
                "unknown-directive",
                message,
                f"write {header.KNOWN}: each in a comment above the first statement",
            )
        )
    if before is None:
        before = Earlier(path, Path(options.earlier) if options.earlier else None, library or Library())
    state = State(said, service=service, pg=_version(options.pg), before=before)
    findings += _statements(path, source, state)
    findings += _long_names(path, source)
    return _allowed(path, findings, said)


def _statements(path: Path, source: Source, state: State) -> Iterator[Finding]:
    statements: list[Statement] = []
    for one in _read(source):
        if isinstance(one, Unreadable):
            yield _file_finding(path, one.line, "unreadable-statement", one.message, one.instead)
        else:
            statements.append(one)
    state.expect(statements)
    for statement in statements:
        yield from _judged(path, statement, state, frozenset())


def _read(source: Source) -> Iterator[Statement | Unreadable]:
    translator = Translator(source)
    for parsed in parse(source):
        if isinstance(parsed, Unreadable):
            yield parsed
            continue
        try:
            yield from translator.statements(parsed)
        except RecursionError:
            yield Unreadable(source.line(parsed.start), "nested too deeply to be judged", "write it flatter")


def _judged(
    path: Path, statement: Statement, state: State, calling: frozenset[model.Name]
) -> Iterator[Finding]:
    state.enter(statement)
    what = statement.what
    for rule in rules_by_kind().get(type(what), ()):
        for found in rule.check(what, state):
            yield Finding(
                file=str(path),
                line=statement.line,
                rule=rule.name,
                severity=found.severity or rule.severity,
                message=found.message,
                instead=found.instead or rule.instead,
            )
    if isinstance(what, model.CreateFunction):
        yield from _in_body(path, what, state)
    if isinstance(what, model.Call):
        # A function made in this file and called here happens here.
        name = state.resolved(what.function)
        made = state.functions.get(name)
        if made and name not in calling:
            for inner in made.body:
                happens = msgspec.structs.replace(inner, inside="do", node=None)
                yield from _judged(path, happens, state, calling | {name})
            state.enter(statement)
    state.leave(statement)


# What a function's body may not do even if nobody calls it yet.
_IN_BODIES = {"other-services-tables", "name-without-schema"}


def _in_body(path: Path, made: model.CreateFunction, state: State) -> Iterator[Finding]:
    outer, search_path = state.statement, state.search_path
    if made.path_set:
        state.search_path = (state.service or "",)
    for inner in made.body:
        state.enter(inner)
        for rule in rules_by_kind().get(type(inner.what), ()):
            if rule.name in _IN_BODIES:
                for found in rule.check(inner.what, state):
                    yield Finding(
                        file=str(path),
                        line=inner.line,
                        rule=rule.name,
                        severity=found.severity or rule.severity,
                        message=found.message,
                        instead=found.instead or rule.instead,
                    )
    state.search_path = search_path
    state.statement, state.inside, state.line = outer, outer.inside, outer.line


@cache
def rules_by_kind() -> dict[type, tuple[Rule, ...]]:
    """The rules that look at each kind of statement."""
    found: dict[type, list[Rule]] = {}
    for rule in load():
        for kind in rule.kinds:
            found.setdefault(kind, []).append(rule)
    return {kind: tuple(rules) for kind, rules in found.items()}


def _service(path: Path) -> str | None:
    """Whose file it is: by its folder (`<service>/migrations`, beside a service.py), else by its name."""
    if _in_service(path):
        return path.absolute().parent.parent.name
    return service_of(path.name)


def _in_service(path: Path) -> bool:
    folder = path.absolute().parent
    return folder.name == "migrations" and (folder.parent / "service.py").is_file()


def _name(path: Path, service: str | None) -> Iterator[Finding]:
    try:
        check_name(path.name, service or service_of(path.name) or "shop")
    except AuthorError as wrong:
        severity: Severity = "block" if _in_service(path) else "advise"
        yield _file_finding(path, 1, "file-name", wrong.what, wrong.fix, severity=severity)


def _long_names(path: Path, source: Source) -> Iterator[Finding]:
    """Names that PostgreSQL cuts at 63 bytes without a word."""
    # Most files have no word that long, whatever it is made of; finding that out must cost nothing.
    if max(map(len, source.raw.split()), default=0) <= 63 or not _LONG_NAME.search(source.text):
        return
    for token in scan(source.text):
        if token.name in {"IDENT", "UIDENT"}:
            name = source.text[token.start : token.end + 1].strip('"')
            if len(name.encode()) > 63:
                line = source.line(len(source.text[: token.start].encode()))
                message = f"{name[:20]}… is longer than 63 bytes: PostgreSQL cuts it without a word"
                yield _file_finding(path, line, "name-too-long", message, "choose a shorter name")


def _allowed(path: Path, findings: list[Finding], said: header.Header) -> list[Finding]:
    """Without what the file allows, and with a word on what it allows in vain."""
    allowed = {allowance.rule for allowance in said.allowances}
    hit = {finding.rule for finding in findings} & allowed
    kept = [finding for finding in findings if finding.rule not in allowed]
    for allowance in said.allowances:
        if allowance.rule not in hit:
            message = f"{allowance.rule} is allowed, and nothing in the file breaks it"
            kept.append(
                _file_finding(
                    path, allowance.line, "unused-allowance", message, "remove the line", severity="advise"
                )
            )
    return sorted(dict.fromkeys(kept), key=lambda finding: finding.line)


def _file_finding(
    path: Path, line: int, rule: str, message: str, instead: str, *, severity: Severity = "block"
) -> Finding:
    return Finding(file=str(path), line=line, rule=rule, severity=severity, message=message, instead=instead)
