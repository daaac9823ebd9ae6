"""Handlers that tell who calls them."""

from typing import Any

from lamppost import Context


def whoami(ctx: Context) -> dict[str, Any]:
    """The caller, as the token says."""
    caller = ctx.caller
    return {"sub": caller.subject, "scopes": sorted(caller.scopes), "claims": dict(caller.claims)}


def thing(id: str, ctx: Context) -> dict[str, str]:
    """A path parameter, and who asked for it."""
    return {"id": id, "sub": ctx.caller.subject}


def open_door() -> dict[str, str]:
    """For anybody."""
    return {"hello": "stranger"}
