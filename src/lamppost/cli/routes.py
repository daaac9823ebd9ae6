"""`lamppost routes`: every call that the services answer."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from lamppost.cli.output import show, table
from lamppost.cli.running import Json
from lamppost.derive.manifest import FunctionEntry, RouteEntry, ServiceEntry


def routes(
    service: Annotated[str, Parameter(help="Of this service only.")] = "",
    *,
    json: Json = False,
) -> None:
    """List every route: its method and path, the function that answers, who may call, and how often.

    It is read off the declarations and needs nothing that runs. WHO is anyone, a token, or a token with
    these scopes; RATE is calls per caller; KEY says whether an Idempotency-Key is required.
    """
    from lamppost.pack.discover import discover

    rows = [
        _row(entry, function, route)
        for entry in discover(Path.cwd()).services
        for function in entry.functions
        for route in function.routes
        if service in ("", entry.name)
    ]
    headings = ("METHOD", "PATH", "FUNCTION", "WHO", "STATUS", "RATE", "KEY")
    names = ("method", "path", "function", "who", "status", "rate", "key")
    show(rows, lambda: table([[row[name] or "" for name in names] for row in rows], headings), as_json=json)


def _row(service: ServiceEntry, function: FunctionEntry, route: RouteEntry) -> dict[str, Any]:
    return {
        "service": service.name,
        "method": route.method,
        "path": f"/{service.name}{route.path}",
        "function": function.named,
        "handler": f"{function.module}.{route.handler}",
        "who": "anyone" if route.public else "token" + "".join(f" {scope}" for scope in route.scopes),
        "scopes": list(route.scopes),
        "status": route.status,
        "rate": f"{route.rate.count} per {route.rate.per:g} s" if route.rate else None,
        "key": "required" if route.key_required else None,
        "refuses": list(route.refuses) if route.refuses is not None else None,
    }
