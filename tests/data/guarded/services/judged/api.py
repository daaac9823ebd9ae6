"""Handlers that tell who calls them."""

from typing import Any

from lamppost import Context


def whoami(ctx: Context) -> dict[str, Any]:
    """The caller, as the authorizer's function says."""
    return {"sub": ctx.caller.subject, "claims": dict(ctx.caller.claims)}
