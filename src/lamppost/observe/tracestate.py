"""What other vendors wrote about a trace: handed on as it came, or not at all.

https://www.w3.org/TR/trace-context/#tracestate-header
"""

import re

MEMBERS = 32
# "Vendors SHOULD propagate at least 512 characters of a combined header."
CHARACTERS = 512

_KEY = r"(?:[a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(f"({_KEY})={_VALUE}", re.ASCII)


def kept(text: object) -> str:
    """`text` as it may go on: whole members from the left; nothing when one is malformed or comes twice."""
    if not isinstance(text, str) or len(text) > 64 * CHARACTERS:
        return ""
    members = [member.strip(" \t") for member in text.split(",")]
    members = [member for member in members if member]
    matches = [_MEMBER.fullmatch(member) for member in members]
    keys = {match[1] for match in matches if match is not None}
    if len(members) > MEMBERS or len(keys) < len(members):
        return ""
    size, sent = -1, []
    for member in members:
        size += len(member) + 1
        if size > CHARACTERS:
            break
        sent.append(member)
    return ",".join(sent)
