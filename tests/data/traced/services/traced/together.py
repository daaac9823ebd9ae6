"""Takes messages together."""

from typing import Any

from lamppost import Batch, Context


def gather(batch: Batch[Any], ctx: Context) -> None:
    """Count them."""
    ctx.log.info("batch.gathered", messages=len(batch))
