"""The commands below `lamppost queue`, each loaded only when it is used."""

from cyclopts import App

app = App(name="queue", help="Look into queues; bring dead letters back, or drop them.")

_COMMANDS = {
    "list": ("listing:list_", "Every queue and how much waits in it."),
    "peek": (
        "peek:peek",
        """Show messages without taking them.

        With --aws a look is a receive, as SQS has no other way: messages are hidden for the moment,
        their receives count one more, and the order is SQS's.
        """,
    ),
    "redrive": (
        "redrive:redrive",
        """Bring dead letters back to the queue they died in; exits 1 when they fail again.

        Each goes once: what fails again stays with the dead letters. Ctrl-C, or a kill, leaves every
        letter in one place; run it again for the rest. With --aws a kill may leave ten in both.
        """,
    ),
    "purge": (
        "purge:purge",
        """Drop messages for good, once you have agreed to how many.

        With filters exactly the messages counted are dropped, so what comes meanwhile stays.
        """,
    ),
}
for _name, (_place, _about) in _COMMANDS.items():
    app.command(f"lamppost.cli.queue.{_place}", name=_name, help=_about)
