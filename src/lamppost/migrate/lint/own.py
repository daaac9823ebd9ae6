"""Whether a text names nothing but a service's own objects, by a look at the parser's JSON.

Nearly every file does, and finding that out by walking the trees took a sixth of a run. A look errs on one
side only: where it is not sure, the trees are walked (see uses.py). Nothing can be hidden from it in a
string: in JSON a quotation mark inside of one has a backslash before it.
"""

import re
from functools import cache

from lamppost.migrate.lint.uses import BY_TEXT

_SIMPLE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
# Objects there are looked at more closely, whoever owns them.
_SPECIAL = {"public", "lamppost"}
_STRING = rb'\{"String":\{"sval":"(?:[^"\\]|\\.)*"\}\}'
# A list of two names or more that is neither of columns nor of labels nor inside a List node.
_QUALIFIED = re.compile(
    rb'":\[\{"String":\{"sval":"'
    rb'(?<!"fields":\[\{"String":\{"sval":")(?<!"keys":\[\{"String":\{"sval":")'
    rb'(?<!_attrs":\[\{"String":\{"sval":")(?<!"items":\[\{"String":\{"sval":")'
    rb'(?<!"vals":\[\{"String":\{"sval":")'
    rb'((?:[^"\\]|\\.)*)"\}\},' + _STRING + rb"([\],])"
)
_FUNCTION = re.compile(rb'"funcname":\[([^\]]*)\]')
_ANYWHERE = (b'"OBJECT_SCHEMA"', b'"schemas"', b'"sval":"reg')


def names_only(service: str | None, json: bytes, *, hidden: bool) -> bool:
    """Whether all tables, types and functions that `json` names are `service`'s or PostgreSQL's own.

    `hidden`: whether the words "schema" or "reg" stand in the SQL, behind which there may be more names.
    """
    if service is None:
        # Then only the migrator's own tables are nobody else's, and all of them are called like this.
        return not hidden or b"schema_" not in json
    if service in _SPECIAL or not _SIMPLE.fullmatch(service):
        return False
    table, schemas, described = _mine(service)
    return (
        json.count(b'"relname":') == json.count(table)
        and all(of in schemas and end == b"]" for of, end in _QUALIFIED.findall(json))
        and json.count(b'"objects":[') == json.count(b'"objects":[{"RangeVar":')
        and json.count(b'"object":{') == len(described.findall(json))
        and not (hidden and any(word in json for word in _ANYWHERE))
        and not any(map(_takes_names, set(_FUNCTION.findall(json))))
    )


@cache
def _mine(service: str) -> tuple[bytes, set[bytes], re.Pattern[bytes]]:
    """How the JSON begins a table of the service; its schemas; a comment on a table, a view or a column."""
    name = service.encode()
    listed = rb'","object":\{"List":\{"items":\[\{"String":\{"sval":"' + name + rb'"\}\},' + _STRING
    described = rb'"objtype":"OBJECT_(?:(?:TABLE|VIEW)%s|COLUMN%s,%s)\]' % (listed, listed, _STRING)
    return b'"schemaname":"%s","relname":' % name, {name, b"pg_catalog"}, re.compile(described)


@cache
def _takes_names(function: bytes) -> bool:
    """Whether this function is told a table's name as text."""
    return any(name.encode() in function for name in BY_TEXT)
