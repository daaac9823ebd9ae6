"""A handler that lives with strangers."""

from lamppost import Context
from lamppost.errors import CallerError


def whoami(ctx: Context) -> dict[str, str]:
    """Who calls, or nobody."""
    try:
        return {"sub": ctx.caller.subject}
    except CallerError:
        return {"sub": ""}
