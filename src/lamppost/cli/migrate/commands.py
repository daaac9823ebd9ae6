"""The commands below `lamppost migrate`, each loaded only when it is used."""

from typing import Annotated

from cyclopts import App, Parameter

app = App(name="migrate", help="How the tables change.")

_COMMANDS = {
    "status": "Every migration of every database, and its state.",
    "plan": "What `apply` would do, and what it would refuse.",
    "apply": "Bring every database to the state of the files.",
    "rehearse": "Run the files on a throw-away server, and see what they lock, read and write.",
    "drift": "What a live database has that its files do not make.",
    "job": "Backfills and heavy DDL, beside the traffic.",
    "new": "Start a migration of a service.",
    "live": "Record that the code released with the present files is live.",
    "baseline": "Adopt a database: record files as applied without running them.",
    "repair": "Mend a ledger, each change named before it is made.",
}
for _name, _about in _COMMANDS.items():
    app.command(f"lamppost.cli.migrate.{_name}:{_name}", name=_name, help=_about)


@app.command(name="lint", help_flags=[])
def lint(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
    """What the files would do to a busy database: lamppost migrate lint PATH… (--help says more)."""
    from lamppost.cli.migrate.lint import main

    return main(list(arguments))
