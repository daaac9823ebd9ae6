"""What the comments above a file's first statement say to us: one reading, for the runner and for lint.

| line                                     | means                                                          |
|------------------------------------------|----------------------------------------------------------------|
| `-- lamppost: no-transaction`            | run statement by statement                                     |
| `-- lamppost: phase contract`            | the running code no longer needs what this file removes        |
| `-- lamppost: reads users.accounts`      | this one table of another service may be read                  |
| `-- lamppost: allow RULE, reason`        | break this rule here, for this reason                          |
| `-- lamppost: job`                       | heavy: not part of a deploy, run by `lamppost migrate job`     |
| `-- lamppost: job orders.orders by id`   | a backfill: run for stretches of keys, each from `$1` to `$2`  |
"""

import re
from typing import Literal

import msgspec

Phase = Literal["expand", "contract"]

KNOWN = (
    "no-transaction; phase expand or contract; reads SCHEMA.TABLE; allow RULE, reason; "
    "job, or job SCHEMA.TABLE by COLUMN"
)

_LINE_END = re.compile(r"\r\n|\r|\n")
_DIRECTIVE = re.compile(r"^--[ \t]*lamppost:[ \t]*(?P<word>[\w-]+)[ \t]*(?P<rest>.*?)[ \t]*$")
_TABLE = re.compile(r"(\w+)\.(\w+)")
_ALLOWED = re.compile(r"(?P<rule>[a-z0-9-]+)[ \t]*,[ \t]*(?P<reason>\S.*)")
_WALK = re.compile(r"(?P<schema>\w+)\.(?P<table>\w+)[ \t]+by[ \t]+(?P<column>\w+)")


class Allowance(msgspec.Struct, frozen=True):
    """`-- lamppost: allow RULE, reason`."""

    line: int
    rule: str
    reason: str


class Walk(msgspec.Struct, frozen=True):
    """A backfill goes through `schema.table` in the order of `column`, stretch by stretch."""

    schema: str
    table: str
    column: str


class Job(msgspec.Struct, frozen=True):
    """The file is run outside the deploy; with `walk` once for each stretch, else statement by statement."""

    walk: Walk | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a file's header says. `wrong` is what nobody understands: line and message."""

    in_transaction: bool = True
    phase: Phase = "expand"
    reads: frozenset[tuple[str, str]] = frozenset()
    allowances: tuple[Allowance, ...] = ()
    job: Job | None = None
    wrong: tuple[tuple[int, str], ...] = ()


def read(text: str) -> Header:
    """The header of `text`: its comments and blank lines up to the first statement."""
    if "lamppost:" not in text:
        return Header()
    said = Header()
    for number, line in enumerate(_LINE_END.split(text), 1):
        if line.strip() and not line.startswith("--"):
            break
        if found := _DIRECTIVE.match(line):
            said = _with(said, number, found["word"], found["rest"])
    return said


def _with(said: Header, number: int, word: str, rest: str) -> Header:
    """`said`, and what this line adds."""
    change = msgspec.structs.replace
    if word == "no-transaction" and not rest:
        return change(said, in_transaction=False)
    if word == "phase" and rest in {"expand", "contract"}:
        return change(said, phase=rest)
    if word == "reads" and (table := _TABLE.fullmatch(rest)):
        return change(said, reads=said.reads | {(table[1], table[2])})
    if word == "job" and not rest:
        return change(said, job=Job(), in_transaction=False)
    if word == "job" and (walk := _WALK.fullmatch(rest)):
        return change(said, job=Job(Walk(**walk.groupdict())), in_transaction=False)
    if word == "allow" and (allowed := _ALLOWED.fullmatch(rest)):
        allowance = Allowance(number, allowed["rule"], allowed["reason"])
        return change(said, allowances=(*said.allowances, allowance))
    if word == "allow":
        message = f"an allowance without a reason: {rest or '(nothing)'}"
    else:
        message = f"`-- lamppost: {word} {rest}".rstrip() + "` asks for something unknown"
    return change(said, wrong=(*said.wrong, (number, message)))
