"""The commands below `lamppost deliveries`, each loaded only when it is used."""

from cyclopts import App

app = App(name="deliveries", help="What went out, what did not: look, send again, pause, add up.")

_COMMANDS = {
    "list": (
        "listing:list_",
        "What was tried, latest due first: lamppost deliveries list --status dead --since 1d.",
    ),
    "show": (
        "show:show",
        """What came back from each attempt at a delivery, or at everything for a person.

        OF is an eventId, a webhook-id (msg_…) or a person's id. The log is kept for 30 days.
        """,
    ),
    "replay": (
        "replay:replay",
        """Send again what is over: one delivery, a span of due times, or what died since.

        They keep their webhook-id, so that a receiver knows those it has had. What arrived is left alone
        unless --delivered is said. Look first: --dry-run counts them by reason. Above 100 it asks. Ctrl-C
        and kills are harmless: each portion is one transaction, and --before goes on with the same run.
        """,
    ),
    "pause": (
        "pausing:pause",
        """Send nothing until someone resumes. What is due meanwhile waits, and goes out late, marked late.

        What a worker is posting at this moment still arrives.
        """,
    ),
    "resume": ("pausing:resume", "Send again, what waits first."),
    "state": ("pausing:state", "Whether sending is paused, since when, by whom and why; how much waits."),
    "ledger": (
        "ledger:ledger",
        """What became of what was due, by the minute: due = delivered + dead + in flight; and how late.

        In flight: RETRYING, CLAIMED (on its way the first time), WAITING (not claimed yet). Without a span it
        is the last day. P50, P95 and P99 are the lateness of the delivered.
        """,
    ),
}
for _name, (_place, _about) in _COMMANDS.items():
    app.command(f"lamppost.cli.deliveries.{_place}", name=_name, help=_about)
