"""`lamppost deliveries pause`, `resume` and `state`."""

import getpass
from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.desk import HERE, Desk, Where
from lamppost.cli.output import safe, show
from lamppost.cli.running import Json
from lamppost.cli.times import short
from lamppost.delivery.operations import Pause, Resume, State
from lamppost.delivery.reports import Paused

Who = Annotated[str | None, Parameter(help="Who does it; else the user of this machine.")]


def pause(
    *,
    why: Annotated[str, Parameter(help="For those who will wonder: 'their deploy, until 15:00'.")],
    who: Who = None,
    where: Where = HERE,
    json: Json = False,
) -> None:
    """Send nothing until someone resumes."""
    found = Desk(where).ask(Pause(why, who or _me()), Paused)
    show(found, lambda: words(found), as_json=json)


def resume(*, who: Who = None, where: Where = HERE, json: Json = False) -> None:
    """Send again, what waits first."""
    found = Desk(where).ask(Resume(who or _me()), Paused)
    show(found, lambda: words(found), as_json=json)


def state(*, where: Where = HERE, json: Json = False) -> None:
    """Say whether sending is paused."""
    found = Desk(where).ask(State(), Paused)
    show(found, lambda: words(found), as_json=json)


def words(found: Paused) -> str:
    """The state for people."""
    line = f"{found.waiting} chunks wait, {found.sending} are being sent"
    if not found.paused:
        return f"sending; {line}"
    who = safe(found.who) if found.who else "the worker"
    # Eight digits tell two URLs apart; the URL may hold a token.
    at = f"endpoint {found.fingerprint[:8]}" if found.fingerprint else "no endpoint was set"
    changed = ", which is another one by now" if found.changed else ""
    return f"paused since {short(found.since)} by {who}: {safe(found.why)} ({at}{changed}); {line}"


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"  # a user id without a name, as in containers
