"""What a run says while it happens: facts for a log, and by `str()` sentences for people."""

from typing import Literal

import msgspec


class Applied(msgspec.Struct, frozen=True, tag=True):
    """A file is in."""

    name: str
    milliseconds: int

    def __str__(self) -> str:
        return f"applied {self.name} in {self.milliseconds} ms"


class Waiting(msgspec.Struct, frozen=True, tag=True):
    """Another migrator has the lock."""

    holder: str

    def __str__(self) -> str:
        return f"waiting for another migrator: {self.holder}"


class Blocked(msgspec.Struct, frozen=True, tag=True):
    """A lock on a table was not to be had; the file is tried again."""

    name: str
    attempt: int
    blocker: str

    def __str__(self) -> str:
        return f"{self.name}: attempt {self.attempt} found its table locked by {self.blocker}; trying again"


class Notice(msgspec.Struct, frozen=True, tag=True):
    """Nothing is wrong, and someone may want to know."""

    text: str
    level: Literal["notice"] = "notice"

    def __str__(self) -> str:
        return self.text


Event = Applied | Waiting | Blocked | Notice
