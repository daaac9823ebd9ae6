"""The DB layer: one small pool of PostgreSQL connections for a function.

`get_pool()` returns the pool, `warm_up()` opens its first connection, `close_pool()` closes it.
The names load on first use, so that importing this package costs nothing.
"""

from importlib import import_module

__all__ = ["close_pool", "get_pool", "warm_up"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("lamppost.db.pool"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
