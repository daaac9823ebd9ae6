"""`lamppost trace`: one request as a tree, through functions, SQL and queues to the webhook."""

from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter

from lamppost.cli.output import safe, show, table
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask
from lamppost.errors import OperatorError

NEWEST = 20
_SEARCHED = 500

Span = dict[str, Any]


def trace(
    id: Annotated[
        str, Parameter(help="x-trace-id of an answer, trace_id of a log line, or X-Ray's id.")
    ] = "",
    *,
    last: Annotated[bool, Parameter(negative=(), help="The newest request's.")] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Draw a trace: what called what, how long it took, and where it failed. Without ID: list the newest."""
    if not id and not last:
        found = ask(data, "traces/list", limit=NEWEST)
        show(found, lambda: _listed(found), as_json=json)
        return
    whole = ask(data, "traces/read", trace=id or _last(data))
    if not whole["spans"]:
        raise OperatorError(
            f"no span of the trace {whole['trace_id']} is kept here",
            fix="`lamppost trace` lists the newest; old ones go when the files are full",
            code="no_such_trace",
        )
    show(whole, lambda: drawn(whole["spans"]), as_json=json)


def _last(data: Any) -> str:
    newest = ask(data, "traces/list", limit=_SEARCHED)
    # A schedule ticks every minute; who asks for the last one means what they did themselves.
    requests = [span for span in newest if span["kind"] == "request"]
    if not newest:
        raise OperatorError(
            "no trace is kept here yet", fix="send the system a request", code="no_such_trace"
        )
    return str((requests or newest)[0]["trace_id"])


def _listed(spans: list[Span]) -> str:
    rows = [
        (
            datetime.fromtimestamp(span["begin"], UTC).strftime("%H:%M:%S"),
            span["trace_id"],
            f"{_milliseconds(span)} ms",
            span["name"],
            span["error"],
        )
        for span in spans
    ]
    return table(rows, ("TIME", "TRACE", "TOOK", "BEGAN WITH", "FAILED"))


def drawn(spans: list[Span]) -> str:
    """The spans as a tree with durations; what repeats in a row is drawn once, with its count."""
    tree = _Tree(spans)
    width = max(len(row[0]) for row in tree.rows)
    return "\n".join(f"{name.ljust(width)}  {took:>10}  {rest}".rstrip() for name, took, rest in tree.rows)


class _Tree:
    """Rows of a drawing: the branch, how long it took, the rest."""

    def __init__(self, spans: list[Span]) -> None:
        self.rows: list[tuple[str, str, str]] = []
        self._begin = min(span["begin"] for span in spans)
        self._below: dict[str, list[Span]] = {}
        known = {span["id"] for span in spans}
        for span in spans:
            self._below.setdefault(span["parent"] if span["parent"] in known else "", []).append(span)
        for top in self._below.get("", ()):
            self._draw(top, "", "")

    def _draw(self, span: Span, lead: str, rest: str) -> None:
        times = span.get("times", 1)
        name = safe(span["name"]) + (f"  × {times}" if times > 1 else "")
        after = f"+{(span['begin'] - self._begin) * 1000:.1f} ms"
        self.rows.append((lead + name, f"{_milliseconds(span)} ms", f"{after:>12}  {_told(span)}"))
        children = self._folded(self._below.get(span["id"], []))
        for number, child in enumerate(children):
            final = number == len(children) - 1
            self._draw(child, rest + ("└ " if final else "├ "), rest + ("  " if final else "│ "))

    def _folded(self, spans: list[Span]) -> list[Span]:
        """`spans`, with leaves of one name in a row as one: a loop's statements, a batch's posts."""
        folded: list[Span] = []
        for span in spans:
            before = folded[-1] if folded else None
            leaf = span["id"] not in self._below and not span["error"]
            if before is not None and leaf and before["leaf"] and before["name"] == span["name"]:
                before["times"] += 1
                before["end"] = max(before["end"], span["end"])
            else:
                folded.append({**span, "times": 1, "leaf": leaf})
        return folded


def _milliseconds(span: Span) -> str:
    return f"{(span['end'] - span['begin']) * 1000:.1f}"


def _told(span: Span) -> str:
    shown = {name: value for name, value in span["fields"].items() if name in ("status", "rows", "messages")}
    if "dropped_spans" in span["fields"]:
        shown["not recorded"] = span["fields"]["dropped_spans"]
    if span["links"]:
        shown["links"] = len(span["links"])
    failed = [f"FAILED {safe(span['error'])}"] if span["error"] else []
    return "  ".join([*failed, *(f"{name} {value}" for name, value in shown.items())])
