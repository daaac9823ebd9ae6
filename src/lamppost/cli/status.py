"""`lamppost status`: what runs, what waits, what time it is."""

from typing import Any

from lamppost.cli.output import show, table
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask


def status(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Show the running system: addresses, clock, functions, queues, databases."""
    found = ask(data, "status")
    show(found, lambda: _words(found), as_json=json)


def _words(found: dict[str, Any]) -> str:
    running, clock = found["running"], found["clock"]
    moved = f"  ({clock['shift_s'] / 86400:+.2f} days from the wall)" if abs(clock["shift_s"]) > 1 else ""
    apis = "\n".join(f"  {name:<12}{url}" for name, url in running["apis"].items())
    functions = table(
        [
            (f["name"], f["kind"], f["sandboxes"], f["busy"], f"{f['timeout_s']:g} s")
            for f in found["functions"]
        ],
        ("FUNCTION", "KIND", "SANDBOXES", "BUSY", "TIMEOUT"),
    )
    queues = table(
        [(q["name"], q["visible"], q["in_flight"], q["oldest_s"]) for q in found["queues"]],
        ("QUEUE", "VISIBLE", "IN FLIGHT", "OLDEST (S)"),
    )
    return f"""up (pid {running["pid"]}), time {clock["now"]}{moved}
{apis}
  console     {running["console"]}
  aws         {running["aws"]}
  postgres    {found["postgres"]["version"]}, databases {", ".join(found["databases"])}

{functions}

{queues}"""
