"""Functions that came with a later server than some still run."""

import re
from collections.abc import Iterator
from functools import cache
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


_MARKS = (b'"CONSTR_GENERATED"', b'"CONSTR_ATTR_NOT_ENFORCED"', b'"without_overlaps"', b'"fk_with_period"')
# A check or a foreign key that does not say it is enforced.
_LOOSE = re.compile(
    rb'"contype":"CONSTR_(?:CHECK|FOREIGN)"(?:,"conname":"(?:[^"\\]|\\.)*+")?+(?!,"is_enforced":true)'
)
_FUNCTION = re.compile(rb'"funcname":\[([^\]]*)\]')


def may_need_newer(json: bytes) -> bool:
    """Whether a `create table` may hold what some servers have not, by a look at the parser's JSON."""
    return (
        any(mark in json for mark in _MARKS)
        or _LOOSE.search(json) is not None
        or any(map(_may_be_newer, _FUNCTION.findall(json)))
    )


@cache
def _may_be_newer(function: bytes) -> bool:
    return any(name.encode() in function for name in _SINCE)


def newer_function(name: Name) -> Iterator[NewerServer]:
    """What a call of this function asks of the server, if it asks more than an old one has."""
    if name.name in _SINCE and name.schema is None:
        yield NewerServer(f"{name.name}()", _SINCE[name.name])


def newer_functions(tree: Any) -> Iterator[NewerServer]:
    """The same for each call below `tree`."""
    for call in of_kind(tree, "FuncCall"):
        yield from newer_function(function(call))
