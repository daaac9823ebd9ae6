"""Lamppost: serverless backends in Python on Lambda and Postgres.

What is named here is the product; what is not is ours to change. Names load on first use
(PEP 562), so that a cold handler pays only for what it touches.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "lamppost.declare.service": (
        "Database", "Function", "Parameter", "Queue", "Route", "Schedule", "Secret", "Service", "System",
    ),
    "lamppost.declare.alarms": ("Alarm",),
    "lamppost.declare.bucket": ("Bucket", "Objects", "Stored", "Upload", "megabytes"),
    "lamppost.declare.cors": ("Cors",),
    "lamppost.declare.identity": ("Authorizer", "Caller"),
    "lamppost.declare.problems": ("Problem", "Problems"),
    "lamppost.declare.tenancy": ("Tenants",),
    "lamppost.declare.rates": ("Rate",),
    "lamppost.declare.events": ("Batch", "Header", "Message", "Response", "Tick"),
    "lamppost.declare.context": ("Context",),
    "lamppost.declare.durations": ("days", "hours", "minutes", "seconds"),
    "lamppost.errors": (
        "AuthorError", "CallerError", "FieldError", "GiveUp", "LamppostError", "OperatorError",
        "SettingMissing", "TryAgain", "invalid", "not_found",
    ),
}  # fmt: skip
_HOME = {name: home for home, public in _HOMES.items() for name in public}

__all__ = [name for names in _HOMES.values() for name in names]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'lamppost' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value
