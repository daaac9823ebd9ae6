"""The DB layer: one small pool of PostgreSQL connections for a function, and the walls between tenants.

`get_pool()` returns the pool, `warm_up()` opens its first connection, `close_pool()` closes it.
`tenant(ctx)`, `new_tenant(ctx)`, `invited(ctx, id, proof)`, `act_for(ctx, id)` and `as_caller(ctx)` are
transactions that see the rows of one tenant, or the caller's own.
The names load on first use, so that importing this package costs nothing.
"""

from importlib import import_module

_HOME = {
    "act_for": "lamppost.db.tenancy",
    "as_caller": "lamppost.db.tenancy",
    "close_pool": "lamppost.db.pool",
    "get_pool": "lamppost.db.pool",
    "invited": "lamppost.db.tenancy",
    "new_tenant": "lamppost.db.tenancy",
    "tenant": "lamppost.db.tenancy",
    "warm_up": "lamppost.db.pool",
}
__all__ = ["act_for", "as_caller", "close_pool", "get_pool", "invited", "new_tenant", "tenant", "warm_up"]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
