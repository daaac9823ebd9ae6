"""How the drawing looks: colours for light and dark, and a small sign for each kind of part."""

from lamppost.derive.diagram.graph import Kind

# One hue for each kind of part; lines have the hue of what they carry. Read on white and on near-black.
HUES: dict[str, tuple[str, str]] = {
    "people": ("#475569", "#94a3b8"),
    "operators": ("#475569", "#94a3b8"),
    "api": ("#2563eb", "#60a5fa"),
    "schedule": ("#7c3aed", "#a78bfa"),
    "function": ("#c2410c", "#fb923c"),
    "queue": ("#be185d", "#f472b6"),
    "dead": ("#6b7280", "#9ca3af"),
    "bucket": ("#15803d", "#4ade80"),
    "database": ("#0e7490", "#22d3ee"),
    "internet": ("#475569", "#94a3b8"),
}
WAYS: dict[str, tuple[str, str]] = {
    "http": ("api", "a call over HTTP"),
    "time": ("schedule", "a tick of the clock"),
    "order": ("operators", "an order"),
    "message": ("queue", "a message"),
    "dead": ("dead", "a message that failed"),
    "file": ("bucket", "objects"),
    "sql": ("database", "SQL"),
    "out": ("internet", "a call to the outside"),
}

# Signs in a square of 16, drawn in strokes.
SIGNS: dict[Kind, str] = {
    "people": "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2.5 14c.6-3 2.7-4.5 5.5-4.5s4.9 1.5 5.5 4.5",
    "operators": "M2 4l3.5 3.5L2 11M7.5 12H14",
    "api": "M5.5 3.5L1.5 8l4 4.5M10.5 3.5l4 4.5-4 4.5",
    "schedule": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.5V8l2.5 1.5",
    "function": "M4 3h1.5c1 0 1.3.5 1.7 1.4L11 13h1.5M7.6 7L4 13",
    "queue": "M2 4h12M2 8h12M2 12h12",
    "dead": "M4 4l8 8M12 4l-8 8",
    "bucket": "M2.5 4.5h11L12 14H4ZM2.5 4.5C3 3 13 3 13.5 4.5",
    "database": (
        "M2.5 4c0-2.6 11-2.6 11 0v8c0 2.6-11 2.6-11 0ZM2.5 4c0 2.6 11 2.6 11 0M2.5 8c0 2.6 11 2.6 11 0"
    ),
    "internet": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM2 8h12M8 2c4 4 4 8 0 12M8 2c-4 4-4 8 0 12",
}

_RULES = """
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.paper{fill:var(--paper)}
.lane{fill:var(--lane);stroke:var(--rim)}
.title{font-size:13px;font-weight:600;fill:var(--ink)}
.aside{font-size:11px;fill:var(--soft)}
.box{fill:var(--paper);stroke:var(--rim)}
.name{font-size:12.5px;font-weight:600;fill:var(--ink)}
.about{font-size:10.5px;fill:var(--soft)}
.sign{fill:none;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}
.line{fill:none;stroke-width:1.4}
.dashed{stroke-dasharray:5 4}
.thin{stroke-width:1;opacity:.65}
"""


def style() -> str:
    """The style sheet, for light and dark."""
    hues = "".join(
        f".{kind}{{stroke:var(--{kind})}}.fill-{kind}{{fill:var(--{kind});stroke:none}}" for kind in HUES
    )
    light = _variables(0, paper="#ffffff", lane="#f8fafc", rim="#dbe2ea", ink="#0f172a", soft="#5b6676")
    dark = _variables(1, paper="#0f141b", lane="#161d27", rim="#2c3745", ink="#e6edf5", soft="#97a3b4")
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}{_RULES}{hues}"


def _variables(which: int, **others: str) -> str:
    hues = {kind: shades[which] for kind, shades in HUES.items()}
    return "".join(f"--{name}:{value};" for name, value in {**others, **hues}.items())
