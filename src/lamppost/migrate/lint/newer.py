"""Functions that came with a later server than some still run."""

from collections.abc import Iterator
from typing import Any

from lamppost.migrate.lint.model import Name, NewerServer
from lamppost.migrate.lint.tree import function, of_kind

_SINCE = {
    "uuidv7": 18,
    "uuidv4": 18,
    "array_sort": 18,
    "array_reverse": 18,
    "casefold": 18,
    "json_scalar": 17,
    "json_serialize": 17,
    "any_value": 16,
    "array_shuffle": 16,
    "array_sample": 16,
    "random_normal": 16,
    "regexp_count": 15,
    "regexp_like": 15,
    "date_bin": 14,
    "string_to_table": 14,
    "bit_count": 14,
}


def newer_function(name: Name) -> Iterator[NewerServer]:
    """What a call of this function asks of the server, if it asks more than an old one has."""
    if name.name in _SINCE and name.schema is None:
        yield NewerServer(f"{name.name}()", _SINCE[name.name])


def newer_functions(tree: Any) -> Iterator[NewerServer]:
    """The same for each call below `tree`."""
    for call in of_kind(tree, "FuncCall"):
        yield from newer_function(function(call))
