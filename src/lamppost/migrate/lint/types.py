"""PostgreSQL's own types (version 18), by the names the parser gives them.

A bare name finds them before anything of ours: whatever an earlier file has made, `text` is no domain.
"""

from lamppost.migrate.lint.model import Name

_OWN = {
    "aclitem", "bit", "bool", "box", "bpchar", "bytea", "char", "cid", "cidr", "circle", "date",
    "datemultirange", "daterange", "float4", "float8", "gtsvector", "inet", "int2", "int2vector",
    "int4", "int4multirange", "int4range", "int8", "int8multirange", "int8range", "interval", "json",
    "jsonb", "jsonpath", "line", "lseg", "macaddr", "macaddr8", "money", "name", "numeric",
    "nummultirange", "numrange", "oid", "oidvector", "path", "point", "polygon", "refcursor", "text",
    "tid", "time", "timestamp", "timestamptz", "timetz", "tsmultirange", "tsquery", "tsrange",
    "tstzmultirange", "tstzrange", "tsvector", "txid_snapshot", "uuid", "varbit", "varchar", "xid",
    "xid8", "xml",
}  # fmt: skip


def built_in(type_name: Name) -> bool:
    """Whether this is a type of PostgreSQL itself."""
    return type_name.schema is None and type_name.name in _OWN
