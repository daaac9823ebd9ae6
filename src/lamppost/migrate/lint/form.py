"""What is wrong with a file before any statement of it is judged: its name, its bytes, its header."""

import re
from collections.abc import Iterator

from lamppost.errors import AuthorError
from lamppost.migrate.header import KNOWN, Header
from lamppost.migrate.lint.model import Finding, Severity
from lamppost.migrate.lint.owner import of_folder
from lamppost.migrate.lint.pg import ParseError, scan
from lamppost.migrate.lint.shelf import apart
from lamppost.migrate.lint.source import Refusal, Source
from lamppost.migrate.naming import check_name, service_of

# In bytes, as PostgreSQL counts: a letter beyond ASCII has two or more.
_LONG_NAME = re.compile(rb'[A-Za-z_\x80-\xff][\w$\x80-\xff]{63,}|"[^"]{64,}"')

# An x for every byte that is not blank.
_STROKES = bytes(byte if byte in b" \t\n\r\v\f" else 120 for byte in range(256))


def name(path: str, service: str | None) -> Iterator[Finding]:
    """A name that the runner would refuse. Where no service is, there is no runner, and it is advice."""
    folder, own = apart(path)
    try:
        check_name(own, service or service_of(own) or "shop")
    except AuthorError as wrong:
        severity: Severity = "block" if of_folder(folder) else "advise"
        yield finding(path, 1, "file-name", wrong.what, wrong.fix, severity=severity)


def unreadable(path: str, refusal: OSError | Refusal) -> Finding:
    """A file of which nothing can be read."""
    if isinstance(refusal, Refusal):
        return finding(path, refusal.line, "unreadable-file", refusal.message, refusal.instead)
    return finding(path, 1, "unreadable-file", f"cannot be opened: {refusal.strerror}", "see its rights")


def directives(path: str, said: Header) -> Iterator[Finding]:
    """What the header asks for that nobody understands."""
    for line, message in said.wrong:
        instead = f"write {KNOWN}: each in a comment above the first statement"
        yield finding(path, line, "unknown-directive", message, instead)


def long_names(path: str, source: Source) -> Iterator[Finding]:
    """Names that PostgreSQL cuts at 63 bytes without a word."""
    # Most files have no word that long, whatever it is made of; finding that out must cost nothing.
    if b"x" * 64 not in source.raw.translate(_STROKES) or not _LONG_NAME.search(source.raw):
        return
    try:
        tokens = scan(source.text)
    except ParseError:
        # Said already, as a statement that cannot be read.
        return
    for token in tokens:
        if token.name in {"IDENT", "UIDENT"}:
            word = source.text[token.start : token.end + 1].strip('"')
            if len(word.encode()) > 63:
                message = f"{word[:20]}… is longer than 63 bytes: PostgreSQL cuts it without a word"
                line = source.line_of_character(token.start)
                yield finding(path, line, "name-too-long", message, "choose a shorter name")


def allowed(path: str, findings: list[Finding], said: Header) -> list[Finding]:
    """By line, without what the file allows, and with a word on what it allows in vain."""
    names = {allowance.rule for allowance in said.allowances}
    hit = {finding.rule for finding in findings} & names
    kept = [finding for finding in findings if finding.rule not in names]
    for allowance in said.allowances:
        if allowance.rule not in hit:
            message = f"{allowance.rule} is allowed, and nothing in the file breaks it"
            kept.append(
                finding(
                    path, allowance.line, "unused-allowance", message, "remove the line", severity="advise"
                )
            )
    return sorted(dict.fromkeys(kept), key=lambda finding: finding.line)


def finding(
    path: str, line: int, rule: str, message: str, instead: str, *, severity: Severity = "block"
) -> Finding:
    """A finding that no rule makes."""
    return Finding(file=path, line=line, rule=rule, severity=severity, message=message, instead=instead)
