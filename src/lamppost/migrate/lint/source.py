"""One file's bytes become text, or the reason why they cannot; and what its header asks for."""

import re
from bisect import bisect_right
from functools import cached_property

import msgspec

from lamppost.migrate.lint.model import Name

_ENDS = re.compile(rb"\r\n|\r|\n")
_DIRECTIVE = re.compile(r"^--[ \t]*lamppost:[ \t]*(?P<word>[\w-]+)[ \t]*(?P<rest>.*?)[ \t]*$")


class Refusal(Exception):
    """A file that cannot be read as a migration: where, why, and what to do."""

    def __init__(self, line: int, message: str, instead: str) -> None:
        super().__init__(message)
        self.line, self.message, self.instead = line, message, instead


class Allowance(msgspec.Struct, frozen=True):
    """`-- lamppost: allow RULE, reason`."""

    line: int
    rule: str
    reason: str


class Directives(msgspec.Struct, frozen=True, kw_only=True):
    """What the comments at the top of a file say to us. `wrong`: line and message."""

    in_transaction: bool = True
    phase: str = "expand"
    reads: frozenset[Name] = frozenset()
    allowances: tuple[Allowance, ...] = ()
    wrong: tuple[tuple[int, str], ...] = ()


class Source:
    """The text of a file, and the line of each byte in it."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.text = _decoded(raw)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(end.end() for end in _ENDS.finditer(self.raw))]

    def line(self, offset: int) -> int:
        """The line (from 1) in which the byte at `offset` stands. A lone carriage return ends a line."""
        return bisect_right(self._starts, offset)

    def line_of_character(self, index: int) -> int:
        """The line in which the character at `index` stands."""
        return self.line(len(self.text[:index].encode()))


def _decoded(raw: bytes) -> str:
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or raw[1:8:2] == b"\0\0\0\0" or raw[0:8:2] == b"\0\0\0\0":
        raise Refusal(1, "the file is UTF-16, which PostgreSQL cannot read", "save it as UTF-8 without BOM")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Refusal(
            1,
            "the file begins with a byte order mark, which PostgreSQL takes for a letter",
            "save it as UTF-8 without BOM",
        )
    if (at := raw.find(b"\0")) >= 0:
        raise Refusal(
            len(_ENDS.findall(raw[:at])) + 1,
            "a NUL byte: everything after it would be left out, and success reported",
            "remove the byte",
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as unreadable:
        line = len(_ENDS.findall(raw[: unreadable.start])) + 1
        raise Refusal(line, "the file is not UTF-8", "save it as UTF-8") from unreadable


def directives(text: str) -> Directives:
    """The directives in the comments before the first statement."""
    if "lamppost:" not in text:
        return Directives()
    in_transaction, phase = True, "expand"
    reads: set[Name] = set()
    allowances: list[Allowance] = []
    wrong: list[tuple[int, str]] = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if line.strip() and not line.startswith("--"):
            break
        found = _DIRECTIVE.match(line)
        if not found:
            continue
        word, rest = found["word"], found["rest"]
        if word == "no-transaction" and not rest:
            in_transaction = False
        elif word == "phase" and rest in {"expand", "contract"}:
            phase = rest
        elif word == "reads" and (table := re.fullmatch(r"(\w+)\.(\w+)", rest)):
            reads.add(Name(table[1], table[2]))
        elif word == "allow" and (said := re.fullmatch(r"([a-z0-9-]+)[ \t]*,[ \t]*(\S.*)", rest)):
            allowances.append(Allowance(number, said[1], said[2]))
        elif word == "allow":
            wrong.append((number, f"an allowance without a reason: {rest or '(nothing)'}"))
        else:
            wrong.append(
                (number, f"`-- lamppost: {word} {rest}`".rstrip("` ") + "` asks for something unknown")
            )
    return Directives(
        in_transaction=in_transaction,
        phase=phase,
        reads=frozenset(reads),
        allowances=tuple(allowances),
        wrong=tuple(wrong),
    )
