"""`lamppost`: finds the command, says errors plainly, keeps the exit codes.

0 fine, 1 refused or failed, 2 wrong usage, 130 interrupted.
"""

import sys

from cyclopts import App, CycloptsError

import lamppost
from lamppost.cli.output import say_error
from lamppost.errors import LamppostError

app = App(
    name="lamppost",
    version=lamppost.__version__,
    help="Serverless backends in Python on Lambda and Postgres: the whole system on this machine.",
)

_COMMANDS = {
    "up": "lamppost.cli.up:up",
    "down": "lamppost.cli.down:down",
    "status": "lamppost.cli.status:status",
    "invoke": "lamppost.cli.invoke:invoke",
    "logs": "lamppost.cli.logs:logs",
    "migrate": "lamppost.cli.migrate:app",
    "params": "lamppost.cli.params:app",
    "secrets": "lamppost.cli.secrets:app",
    "clock": "lamppost.cli.clock:app",
    "queue": "lamppost.cli.queue:app",
    "db": "lamppost.cli.db:app",
}
for _name, _place in _COMMANDS.items():
    app.command(_place, name=_name)
app.register_install_completion_command()


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; its exit code."""
    try:
        code = app(arguments, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        return 2  # cyclopts has said what is wrong and what it takes
    except LamppostError as error:
        say_error(error)
        return 1
    except BrokenPipeError:
        return 1  # the reader of our output has left
    except KeyboardInterrupt:
        return 130
    return code if isinstance(code, int) else 0
