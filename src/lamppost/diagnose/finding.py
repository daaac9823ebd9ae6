"""What a check says: one thing that is wrong, or worth a thought, and what to do about it."""

from typing import Literal

import msgspec

Severity = Literal["wrong", "advice"]


class Finding(msgspec.Struct, frozen=True):
    """`where` names the object as a reader would look for it; `code` is stable and in the guide."""

    code: str
    severity: Severity
    where: str
    what: str
    fix: str
