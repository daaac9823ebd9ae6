"""The commands: finds the command, says errors plainly, keeps the exit codes.

0 fine, 1 refused or failed, 2 wrong usage, 130 interrupted.
"""

from cyclopts import App, CycloptsError, Parameter

import lamppost
from lamppost.cli.output import say_error
from lamppost.errors import LamppostError

app = App(
    name="lamppost",
    version=lamppost.__version__,
    help="Serverless backends in Python on Lambda and Postgres: the whole system on this machine.",
    # A default is worth a word when it is a value; "False" and "()" say nothing.
    default_parameter=Parameter(show_default=lambda value: value or None, negative_iterable=()),
)

# Each command's module is loaded only when it is used: `--help` must not wait for psycopg.
_COMMANDS = {
    "up": ("lamppost.cli.up:up", "Run the whole system here, in the foreground."),
    "down": ("lamppost.cli.down:down", "Stop the running system."),
    "status": ("lamppost.cli.status:status", "What runs, what waits, what time it is."),
    "doctor": ("lamppost.cli.doctor:doctor", "Look for what is wrong, and say what to do."),
    "invoke": ("lamppost.cli.invoke:invoke", "Run a function once."),
    "logs": ("lamppost.cli.logs:logs", "What functions said."),
    "alarms": ("lamppost.cli.alarms:alarms", "What rings, and why."),
    "metrics": ("lamppost.cli.metrics:metrics", "What is measured."),
    "trace": ("lamppost.cli.trace:trace", "One request, from the gateway to the webhook."),
    "receiver": ("lamppost.cli.receiver:receiver", "A webhook receiver that misbehaves as told."),
    "queue": ("lamppost.cli.queue.commands:app", "Queues and dead letters: look, bring back, drop."),
    "schedule": ("lamppost.cli.schedule.commands:app", "Schedules, and when a person's days come and why."),
    "deliveries": (
        "lamppost.cli.deliveries.commands:app",
        "What went out and what did not: look, send again, pause.",
    ),
    "clock": ("lamppost.cli.clock:app", "Show and move the system's time."),
    "params": ("lamppost.cli.params:app", "Read and set parameters."),
    "secrets": ("lamppost.cli.secrets:app", "Read and set secrets."),
    "routes": ("lamppost.cli.routes:routes", "Every call the services answer."),
    "openapi": ("lamppost.cli.openapi:openapi", "What each API promises, as OpenAPI 3.1."),
    "diagram": ("lamppost.cli.diagram:diagram", "What the system looks like: SVG, Mermaid, draw.io."),
    "token": ("lamppost.cli.token:app", "Tokens of the local issuer, for trying guarded routes."),
    "db": ("lamppost.cli.db:app", "Reach the databases."),
    "config": ("lamppost.cli.config:app", "What things are called in a stage: names, ARNs, addresses."),
    "synth": ("lamppost.cli.synth:synth", "The AWS stacks of one stage, as templates."),
    "why": ("lamppost.cli.why:why", "Why a function may do something, or what to write for it."),
    "diff": ("lamppost.cli.diff:diff", "What deploying a stage would change, and what that costs."),
    "deploy": ("lamppost.cli.deploy:deploy", "A stage as the repository says, after a look at what changes."),
    "preview": ("lamppost.cli.preview:app", "Stages for pull requests, which end by themselves."),
    "cost": ("lamppost.cli.cost:cost", "What a stage costs in a month, with the arithmetic."),
    "new": ("lamppost.cli.new:app", "Begin a service."),
    "pack": ("lamppost.cli.pack:pack", "Make the zips that go to AWS."),
    "migrate": ("lamppost.cli.migrate.commands:app", "Change tables: plan, apply, lint, rehearse, …"),
}
for _name, (_place, _about) in _COMMANDS.items():
    app.command(_place, name=_name, help=_about)
app.register_install_completion_command()


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
