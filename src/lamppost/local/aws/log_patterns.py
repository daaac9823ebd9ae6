"""Filter patterns of plain terms: `ERROR`, `"two words"`, `-healthcheck`, `?this ?that`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForLogs.html
"""

import re
from collections.abc import Callable

from lamppost.local.aws.calls import refused

_TERM = re.compile(r'([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))')


def parse(pattern: str) -> Callable[[str], bool]:
    """Whether a message matches. Raises `CallerError` for JSON, column and regex patterns."""
    text = pattern.strip()
    if text.startswith(("{", "[", "%")):
        raise refused(
            "InvalidParameterException",
            "Here a filter pattern is made of terms; pipe the log through jq for more.",
        )
    terms = [(sign, re.sub(r"\\(.)", r"\1", quoted) or bare) for sign, quoted, bare in _TERM.findall(text)]
    needed = [term for sign, term in terms if not sign]
    unwanted = [term for sign, term in terms if sign == "-"]
    optional = [term for sign, term in terms if sign == "?"]

    def matches(message: str) -> bool:
        if any(term in message for term in unwanted) or not all(term in message for term in needed):
            return False
        # Beside terms that must be there, AWS ignores the optional ones.
        return bool(needed) or not optional or any(term in message for term in optional)

    return matches
