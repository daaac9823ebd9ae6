"""The findings of one file: what the rules say to each statement, and what is wrong with the file itself."""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from lamppost.migrate import header
from lamppost.migrate.lint import form, model
from lamppost.migrate.lint.earlier import Earlier
from lamppost.migrate.lint.facts import Before
from lamppost.migrate.lint.failure import failed
from lamppost.migrate.lint.model import Finding, Statement
from lamppost.migrate.lint.options import Options
from lamppost.migrate.lint.owner import owner
from lamppost.migrate.lint.parse import Unreadable, parse
from lamppost.migrate.lint.rules import Rule, load
from lamppost.migrate.lint.shelf import Library
from lamppost.migrate.lint.source import Refusal, Source
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.topics import Complete, Constrained, Labelled, Numbered, Strangers
from lamppost.migrate.lint.translate import Translator

# `a + b + c …` nests as deep as it is long: four thousand terms must do, and more are refused.
_DEPTH = 12_000
# What a function's body may not do even if nobody calls it yet.
_IN_BODIES = {"other-services-tables", "name-without-schema"}


def lint_file(
    file: Path | str, options: Options, before: Before | None = None, library: Library | None = None
) -> list[Finding]:
    """The findings of one file, by line."""
    sys.setrecursionlimit(_DEPTH)
    library = library or Library()
    path = str(file)
    service = options.service or owner(path)
    findings = list(form.name(path, service))
    try:
        source = Source(library.content(path))
    except (OSError, Refusal) as refusal:
        return [*findings, form.unreadable(path, refusal)]
    said = header.read(source.text)
    findings += form.directives(path, said)
    others = str(Path(options.earlier)) if options.earlier else None
    before = Earlier(path, others, library, before)
    state = State(said, service=service, pg=options.version, before=before)
    findings += _File(path, source, state).findings()
    findings += form.long_names(path, source)
    return form.allowed(path, findings, said)


@cache
def rules_by_kind() -> dict[type, tuple[Rule, ...]]:
    """The rules that look at each kind of statement, action and topic."""
    found: dict[type, list[Rule]] = {}
    for rule in load():
        for kind in rule.kinds:
            found.setdefault(kind, []).append(rule)
    return {kind: tuple(rules) for kind, rules in found.items()}


class _File:
    """One file, statement after statement."""

    def __init__(self, name: str, source: Source, state: State) -> None:
        self._name = name
        self._source = source
        self._state = state
        self._rules = rules_by_kind()
        self._together: dict[tuple[type, ...], tuple[Rule, ...]] = {}
        self._walks = state.header.job is not None and state.header.job.walk is not None
        self._found: list[Finding] = []

    def findings(self) -> list[Finding]:
        """What the rules say, and what nobody can read. A rule or a translation that fails is a finding."""
        statements = list(self._statements())
        self._state.expect(statements)
        for statement in statements:
            try:
                self._judge(statement, frozenset())
            except Exception as error:
                self._found.append(failed(self._name, statement.line, "the state of the file", error))
        return self._found

    def _statements(self) -> Iterator[Statement]:
        translator = Translator(self._source)
        for parsed in parse(self._source):
            if isinstance(parsed, Unreadable):
                self._unreadable(parsed)
                continue
            try:
                for one in translator.statements(parsed):
                    if isinstance(one, Unreadable):
                        self._unreadable(one)
                    else:
                        yield one
            except RecursionError:
                line = self._source.line(parsed.start)
                self._unreadable(Unreadable(line, "nested too deeply to be judged", "write it flatter"))
            except Exception as error:
                line = self._source.line(parsed.start)
                self._found.append(failed(self._name, line, f"reading {parsed.kind}", error))

    def _unreadable(self, one: Unreadable) -> None:
        self._found.append(
            Finding(
                file=self._name,
                line=one.line,
                rule="unreadable-statement",
                severity="block",
                message=one.message,
                instead=one.instead,
            )
        )

    def _judge(self, statement: Statement, calling: frozenset[model.Name]) -> None:
        state, what = self._state, statement.what
        state.enter(statement)
        for rule in self._concerned(statement):
            self._ask(rule, statement)
        if isinstance(what, model.CreateFunction):
            self._in_body(what)
        elif isinstance(what, model.Call):
            # A function made in this file and called here happens here.
            name = state.resolved(what.function)
            made = state.functions.get(name)
            if made and name not in calling:
                for inner in made.body:
                    happens = msgspec.structs.replace(inner, inside="do", tree=None)
                    self._judge(happens, calling | {name})
                state.enter(statement)
        state.leave(statement)

    def _concerned(self, statement: Statement) -> tuple[Rule, ...]:
        """The rules that may have something to say here, by name."""
        state, what, tree = self._state, statement.what, statement.tree
        topics: list[type] = [what.__class__]
        if isinstance(what, model.AlterTable):
            topics += [action.__class__ for action in what.actions]
            if any(isinstance(one, model.AddColumn) and one.column.constraints for one in what.actions):
                topics.append(Constrained)
        if tree is not None:
            if not tree.text.keeps_to(state.service):
                topics.append(Strangers)
            if state.labels:
                topics.append(Labelled)
            if self._walks or tree.text.numbered:
                topics.append(Numbered)
        if state.knows_all:
            topics.append(Complete)
        if len(topics) == 1:
            return self._rules.get(topics[0], ())
        asked = tuple(topics)
        if asked not in self._together:
            rules = {rule.name: rule for topic in topics for rule in self._rules.get(topic, ())}
            self._together[asked] = tuple(rules[name] for name in sorted(rules))
        return self._together[asked]

    def _in_body(self, made: model.CreateFunction) -> None:
        state = self._state
        outer, search_path = state.statement, state.search_path
        if made.path_set:
            state.search_path = (state.service or "",)
        for inner in made.body:
            state.enter(inner)
            for rule in self._concerned(inner):
                if rule.name in _IN_BODIES:
                    self._ask(rule, inner)
        state.search_path = search_path
        state.statement, state.inside, state.line = outer, outer.inside, outer.line

    def _ask(self, rule: Rule, statement: Statement) -> None:
        try:
            for found in rule.check(statement.what, self._state):
                self._found.append(
                    Finding(
                        file=self._name,
                        line=statement.line,
                        rule=rule.name,
                        severity=found.severity or rule.severity,
                        message=found.message,
                        instead=found.instead or rule.instead,
                    )
                )
        except Exception as error:
            self._found.append(failed(self._name, statement.line, f"the rule {rule.name}", error))
