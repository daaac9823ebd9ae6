"""The commands below `lamppost schedule`, each loaded only when it is used."""

from cyclopts import App

app = App(name="schedule", help="What runs by the clock, and when a person's days come, and why.")

_COMMANDS = {
    "list": ("listing:list_", "Every schedule: its function, its pace, its last and its next tick."),
    "run": (
        "run:run",
        """Tick a schedule now, as the clock would. Exits 1 when the function failed.

        --at is what the function is told; the system's clock stays where it is (that is `lamppost clock`).
        """,
    ),
    "explain": (
        "explain:explain",
        """When a person's next days come, and why then; and why a delivery has not gone out yet.

        PERSON is the id that the API answered with.
        """,
    ),
    "tzdata": (
        "tzdata:tzdata",
        """Which future occurrences the installed time zones move; --apply moves them.

        Governments change their clocks: what was computed with an older release of the tz database keeps its
        wall time and gets a new instant. What is due already stays. Run it after each deployment of a new
        tzdata; a kill in the middle is harmless, run it again.
        """,
    ),
}
for _name, (_place, _about) in _COMMANDS.items():
    app.command(f"lamppost.cli.schedule.{_place}", name=_name, help=_about)
