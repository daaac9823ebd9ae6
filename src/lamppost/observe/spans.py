"""What is recorded of one invocation: spans with a beginning, an end, and nothing of anybody's data."""

import threading
import time
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from lamppost.observe.trace import Place, new_span_id

# A loop over ten thousand statements must not become ten thousand spans.
MOST = 200

Fields = dict[str, Any]


class Span:
    """One piece of work. Times are nanoseconds since 1970; `error` a SQLSTATE, a status or a type."""

    __slots__ = ("begin", "end", "error", "fields", "id", "kind", "links", "name", "parent", "trace_id")

    def __init__(self, trace_id: str, parent: str, name: str, kind: str, fields: Fields) -> None:
        self.trace_id = trace_id
        self.id = new_span_id()
        self.parent = parent
        self.name = name
        self.kind = kind
        self.fields = fields
        self.links: tuple[Place, ...] = ()
        self.error = ""
        self.begin = time.time_ns()
        self.end = 0


class Recording:
    """The spans of one invocation. `root` is the invocation's own; `dropped` counts what was too much."""

    def __init__(self, here: Place, name: str, kind: str, fields: Fields) -> None:
        self.here = here
        self.root = Span(here.trace_id, here.span_id, name, kind, fields)
        self.spans = [self.root]
        self.dropped = 0
        self.inside: ContextVar[Span | None] = ContextVar("span", default=None)
        self._lock = threading.Lock()
        self._over = False

    def place(self) -> Place:
        """Where the calling thread is."""
        inside = self.inside.get() or self.root
        return Place(inside.trace_id, inside.id, True, self.here.state)

    def begin(self, name: str, kind: str, fields: Fields, *, of: Place | None = None) -> Span | None:
        """A span that has begun, below the thread's innermost or below `of`; None when there are enough."""
        with self._lock:
            if self._over or len(self.spans) >= MOST:
                self.dropped += 1
                return None
            parent = self.inside.get() or self.root
            trace_id, parent_id = (of.trace_id, of.span_id) if of else (parent.trace_id, parent.id)
            span = Span(trace_id, parent_id, name, kind, fields)
            self.spans.append(span)
            return span

    def span(self, name: str, kind: str, fields: Fields, *, of: Place | None = None) -> "Inside":
        """A span around a block; what begins inside, in this thread, is below it."""
        return Inside(self, name, kind, fields, of)

    def finish(self) -> list[Span]:
        """End everything. A thread that was left behind adds nothing from now on."""
        with self._lock:
            self._over = True
            now = time.time_ns()
            for span in self.spans:
                span.end = span.end or now
            if self.dropped:
                self.root.fields["dropped_spans"] = self.dropped
            return self.spans


class Inside:
    """A block that is a span. Inside it is the span, or None when there were enough."""

    __slots__ = ("_fields", "_kind", "_name", "_of", "_recording", "_span", "_token")

    def __init__(self, recording: Recording, name: str, kind: str, fields: Fields, of: Place | None) -> None:
        self._recording, self._name, self._kind, self._fields, self._of = recording, name, kind, fields, of

    def __enter__(self) -> Span | None:
        """Begin."""
        self._span = self._recording.begin(self._name, self._kind, self._fields, of=self._of)
        self._token = self._recording.inside.set(self._span or self._recording.inside.get())
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End. What was raised is told by its type alone: messages may hold values."""
        self._recording.inside.reset(self._token)
        if self._span is not None:
            self._span.end = time.time_ns()
            if kind is not None:
                self._span.error = self._span.error or kind.__name__
