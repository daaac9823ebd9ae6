"""Expressions that make up plausible values: one per type, from the row's number `g`, and what else to try.

Every expression here is ours; what comes out of a catalog is put in by `psycopg.sql` only.
"""

import re

# The row's number becomes a value of this type; rows differ as far as the type has room.
BY_TYPE = {
    "int2": "(g % 32000)::int2",
    "int4": "g::int4",
    "int8": "g::int8",
    "numeric": "g::numeric",
    "float4": "g::float4",
    "float8": "g::float8",
    "money": "g::int8::money",
    "oid": "g::oid",
    "bool": "(g % 2 = 0)",
    "text": "'value-' || g",
    "varchar": "'value-' || g",
    "bpchar": "g::text",
    "name": "('value' || g)::name",
    "char": 'chr(97 + (g % 26)::int)::"char"',
    "uuid": "md5(g::text)::uuid",
    "bytea": "decode(md5(g::text), 'hex')",
    "json": "json_build_object('n', g)",
    "jsonb": "jsonb_build_object('n', g)",
    "xml": "xmlelement(name n, g)",
    "date": "date '2000-01-01' + (g % 9000)::int",
    "timestamp": "timestamp '2020-01-01' + g * interval '1 minute'",
    "timestamptz": "timestamptz '2020-01-01 00:00Z' + g * interval '1 minute'",
    "time": "time '00:00' + g * interval '1 second'",
    "timetz": "(time '00:00' + g * interval '1 second')::timetz",
    "interval": "g * interval '1 second'",
    "inet": "inet '10.0.0.0' + g",
    "cidr": "set_masklen((inet '10.0.0.0' + g)::cidr, 32)",
    "macaddr": "('08:00:' || regexp_replace(lpad(to_hex(g), 8, '0'), '(..)(?!$)', '\\1:', 'g'))::macaddr",
    "bit": "g::int::bit(32)",
    "varbit": "g::int::bit(32)::varbit",
    "tsvector": "to_tsvector('simple', 'word' || g)",
    "tsquery": "to_tsquery('simple', 'word' || g)",
    "point": "point(g, g)",
    "xid8": "g::text::xid8",
    "xid": "g::text::xid",
    "pg_lsn": "'0/0'::pg_lsn + g::numeric",
    "pg_snapshot": "pg_current_snapshot()",
    "int4range": "int4range(g::int4, g::int4 + 1)",
    "int8range": "int8range(g, g + 1)",
    "numrange": "numrange(g, g + 1)",
    "daterange": "daterange(date '2000-01-01' + g::int, date '2000-01-01' + g::int + 1)",
    "tsrange": "tsrange(timestamp '2020-01-01' + g * interval '1 hour',"
    " timestamp '2020-01-01' + (g + 1) * interval '1 hour')",
    "tstzrange": "tstzrange(timestamptz '2020-01-01 00:00Z' + g * interval '1 hour',"
    " timestamptz '2020-01-01 00:00Z' + (g + 1) * interval '1 hour')",
}
# What a check on a text may want, each with a number in it if it can be.
TEXTS = (
    "'value' || g",
    "'value_' || g",
    "'VALUE' || g",
    "lpad(to_hex(g), 8, '0')",
    "g::text",
    "'user' || g || '@example.org'",
    "'https://example.org/' || g",
    "md5(g::text)",
    "md5(g::text)::uuid::text",
    "encode(sha256(g::text::bytea), 'hex')",
    "'+1' || lpad(g::text, 10, '0')",
    "lpad(g::text, 5, '0')",
    "'#' || lpad(to_hex(g), 6, '0')",
    "'/' || g",
    "upper(lpad(to_hex(g), 4, 'A'))",
    "translate(lpad(g::text, 5, '0'), '0123456789', 'abcdefghij')",
    "'2024-01-01'",
    "'UTC'",
    "'Europe/Berlin'",
    "'en'",
    "'US'",
    "'EUR'",
    "'en-US'",
    "''",
)
NUMBERS = ("g", "1 + g % 100", "1 + g % 28", "1 + g % 10", "1", "0", "-1", "100")
TIMES = (
    "timestamptz '2030-01-01 00:00Z' + g * interval '1 minute'",
    "timestamptz '2000-01-01 00:00Z' - g * interval '1 minute'",
    "timestamptz '1980-01-01 00:00Z'",
)
# For types nobody has thought of here: the first text the type takes.
GUESSES = ("1", "{}", "0", "a", "[]", "()", "(0,0)", "2024-01-01", "00:00")

_LITERAL = re.compile(r"'((?:[^']|'')*)'|(?<![\w.])(-?\d+(?:\.\d+)?)\b")


def of_type(name: str, room: int | None) -> str | None:
    """The expression for a type by its internal name (`int8`), or None. `room` is the letters it may have."""
    if name in {"varchar", "bpchar"} and room is not None:
        return f"right({'g::text' if room > 5 else 'to_hex(g)'}, {room:d})"
    return BY_TYPE.get(name)


def candidates(name: str) -> tuple[str, ...]:
    """What else to try for a column whose check refused the usual value."""
    if name in {"text", "varchar", "bpchar", "citext"}:
        return TEXTS
    if name in {"int2", "int4", "int8", "numeric", "float4", "float8"}:
        return NUMBERS
    if name in {"date", "timestamp", "timestamptz"}:
        return TIMES
    return ("true", "false") if name == "bool" else ()


def literals(definition: str) -> list[str]:
    """The constants of a check, as values to try: `status in ('new', 'done')` names its own."""
    found = [number or text.replace("''", "'") for text, number in _LITERAL.findall(definition)]
    return list(dict.fromkeys(found))[:20]
