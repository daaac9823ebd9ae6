"""Nothing: this service only has tables."""

from lamppost import Context


def nothing(event: object, ctx: Context) -> None:
    """Nothing."""
