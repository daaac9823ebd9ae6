"""What the shop's functions run: nothing."""

from typing import Any

from lamppost import Context


def hello(ctx: Context) -> dict[str, str]:
    """Greet."""
    return {"hello": ctx.request_id}


def parcel(id: str, ctx: Context) -> dict[str, str]:
    """Show a parcel."""
    return {"id": id, "request": ctx.request_id}


def judge(event: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Let everybody in."""
    return {"isAuthorized": bool(event and ctx)}


def pack(event: Any, ctx: Context) -> None:
    """Do nothing."""
