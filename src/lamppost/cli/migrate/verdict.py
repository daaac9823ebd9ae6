"""What `lamppost migrate apply` says: events as they come, a procedure after a failure, one last line."""

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.cli.migrate.targets import counted
from lamppost.cli.output import safe, show
from lamppost.errors import AuthorError, LamppostError

if TYPE_CHECKING:
    from lamppost.migrate.apply import Outcome
    from lamppost.migrate.events import Event, Failed


class Tally:
    """Counts what a run over several databases does: it is at `database`, and `error` ended it."""

    def __init__(self, *, words: bool, events: bool) -> None:
        self.database = ""
        self.error: LamppostError | None = None
        self._words = words
        self._events = events
        self._done: dict[str, Outcome] = {}
        self._failed: Failed | None = None
        self._updating = False

    def hear(self, event: "Event") -> None:
        """Print an event: to people a line each, with the progress of an index in one that changes."""
        from lamppost.migrate.events import Failed, Progress

        if isinstance(event, Failed):
            self._failed = event
        if self._events:
            line = msgspec.json.encode({"database": self.database, **msgspec.to_builtins(event)})
            sys.stderr.write(line.decode() + "\n")
        if self._words:
            changing = isinstance(event, Progress) and sys.stdout.isatty()
            sys.stdout.write(("\r\x1b[K" if self._updating else "") + f"  {safe(str(event))}")
            sys.stdout.write("" if changing else "\n")
            sys.stdout.flush()
            self._updating = changing

    def add(self, outcome: "Outcome") -> None:
        """The database is up to date."""
        self._done[self.database] = outcome

    def show(self, json: bool) -> None:
        """The procedure after a failure, and the verdict."""
        facts: dict[str, Any] = {
            "verdict": self._state(),
            "line": self._line(),
            "databases": {
                name: {"applied": one.applied, "head": one.head, "jobs": one.jobs}
                for name, one in self._done.items()
            },
        }
        if self.error is not None:
            facts |= {"error": self.error.what, "fix": self.error.fix, "code": self.error.code}
        if steps := self._procedure():
            facts |= {"failed": self._failed, "procedure": steps}
        show(facts, lambda: "\n".join([*self._numbered(steps), self._line()]), as_json=json)

    def _state(self) -> str:
        if self.error is None:
            return "applied" if self._count() else "nothing to apply"
        if self.error.code == "interrupted":
            return "interrupted"
        return "refused" if self._failed is None and isinstance(self.error, AuthorError) else "failed"

    def _line(self) -> str:
        state, count = self._state(), self._count()
        if self.error is not None:
            before = f" ({counted(count, 'migration')} applied before it)" if count else ""
            return safe(f"verdict {state}: {self.error.what.splitlines()[0]}{before}")
        head = max((name for one in self._done.values() for name in one.head.values()), default="nothing")
        databases = f"{counted(len(self._done), 'database')} at {head}"
        files = f"{counted(count, 'migration')}, " if count else ""
        return f"verdict {state}: {files}{databases}"

    def _count(self) -> int:
        before = len(self._failed.applied) if self._failed else 0
        return before + sum(len(one.applied) for one in self._done.values())

    def _procedure(self) -> tuple[str, ...]:
        if self._failed is None or self.error is None:
            return ()
        from lamppost.migrate.procedure import procedure

        return procedure(self._failed, self.error.code)

    def _numbered(self, steps: tuple[str, ...]) -> list[str]:
        if not steps:
            return []
        lines = [f"  {number}. {safe(step)}" for number, step in enumerate(steps, 1)]
        return ["", "What now:", *lines, "  More: docs/guides/failed-migration.md", ""]
