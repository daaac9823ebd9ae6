"""How a running job is shown: a bar to a person, a line of JSON per event to a program that asks for it."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from lamppost.cli.output import safe

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Task, TaskID

    from lamppost.migrate.events import Event
    from lamppost.migrate.jobs.events import JobEvent


class View(Protocol):
    """Shows events while it is entered."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        """Leave the terminal as it was."""
        ...

    def hear(self, event: "JobEvent | Event") -> None:
        """Show it."""
        ...


class Lines:
    """One JSON object a line, flushed at once; with `silent` nothing but the end is worth a word."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        return None

    def hear(self, event: "JobEvent | Event") -> None:
        """Print the event."""
        if not self._silent:
            sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
            sys.stdout.flush()


class Bar:
    """Rows, rows a second and the time that is left; what happens beside goes above the bar."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
        from rich.text import Text

        class About(ProgressColumn):
            """The job; once it is to stop, what happens now."""

            def render(self, task: "Task") -> Text:
                """Drawn ten times a second, also while a statement runs."""
                about = "stopping (Ctrl-C again cancels)" if stopping() else ""
                return Text(about or task.description)

        self._bar = Progress(
            About(),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} rows"),
            TextColumn("{task.fields[pace]}"),
            TimeRemainingColumn(),
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self._bar.stop()

    def hear(self, event: "JobEvent | Event") -> None:
        """Move the bar, or print a line."""
        from lamppost.migrate.jobs.events import Batch, Begun

        if isinstance(event, Batch) and self._task is not None:
            speed = next(task for task in self._bar.tasks if task.id == self._task).speed
            self._bar.update(
                self._task,
                completed=event.rows_done,
                total=event.rows_estimated,
                pace=f"{speed:,.0f} rows/s" if speed else "",
            )
        elif isinstance(event, Begun):
            self._say(str(event))
            if self._task is None:
                about = event.name.removesuffix(".sql").rpartition("__")[2]
                self._task = self._bar.add_task(
                    about, total=event.rows_estimated, completed=event.rows_done, pace=""
                )
        else:
            self._say(str(event))

    def _say(self, text: str) -> None:
        self._bar.console.print(f"  {safe(text)}", markup=False, highlight=False)


def view(stopping: Callable[[], bool], *, events: bool, quiet: bool) -> View:
    """The way this run is shown."""
    if events or quiet:
        return Lines(silent=not events)
    return Bar(stopping)
