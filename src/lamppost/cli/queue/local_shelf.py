"""A queue of the running local system, through its control door.

Looking takes nothing. Bringing back is one transaction: kill this process at any moment, and
every letter lies in one place.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from lamppost.cli.queue.letters import Letter
from lamppost.cli.queue.shelf import About
from lamppost.cli.running import ask

PAGE = 200


class LocalShelf:
    """Satisfies `Shelf`."""

    def __init__(self, data: Path, queue: str, target: str | None = None) -> None:
        self._data = data
        self._target = target
        self.about = msgspec.convert(ask(data, "queue/about", queue=queue, target=target), About)
        self._after: list[Any] | None = None
        self._page: list[Letter] = []
        # What was brought back: its new id, and the digest of its body.
        self._moved: dict[str, str] = {}

    def next(self, limit: int) -> list[Letter]:
        """The next messages, oldest first."""
        if not self._page:
            found = self._ask("queue/look", after=self._after, limit=PAGE)
            self._page = [_letter(each) for each in found]
            if found:
                self._after = [found[-1]["sent_at"], found[-1]["number"]]
        taken, self._page = self._page[:limit], self._page[limit:]
        return taken

    def bring_back(self, letters: Sequence[Letter]) -> dict[str, str]:
        """Move these in one transaction. What somebody else received or moved meanwhile stays out of it."""
        pairs = [(letter.id, str(uuid4())) for letter in letters]
        gone = self._ask("queue/bring-back", target=self._target, pairs=pairs)
        went: dict[str, str] = {}
        for letter, (old, new) in zip(letters, pairs, strict=True):
            if new in gone:
                went[old] = gone[new]
                self._moved[new] = sha256(letter.body.encode()).hexdigest()
        return went

    def fallen(self) -> int:
        """One that died by its attempts has its id still; one that was given up, its body."""
        arrived = self._ask("queue/arrived", since=self.about.now)
        same = {id_ for id_, _ in arrived if id_ in self._moved}
        bodies = Counter(digest for id_, digest in self._moved.items() if id_ not in same)
        buried = Counter(digest for id_, digest in arrived if id_ not in same)
        return len(same) + (bodies & buried).total()

    def pending(self) -> int:
        """How many lie in another queue still."""
        count: int = self._ask("queue/elsewhere", ids=list(self._moved))
        return count

    def drop(self, letters: Sequence[Letter]) -> int:
        """Delete these, whatever their state."""
        count: int = self._ask("queue/drop", ids=[letter.id for letter in letters])
        return count

    def drop_all(self) -> int:
        """Delete everything that lies there now."""
        count: int = self._ask("queue/purge")
        return count

    def close(self) -> None:
        """The walk held nothing."""

    def _ask(self, order: str, **arguments: Any) -> Any:
        return ask(self._data, order, queue=self.about.name, **arguments)


def _letter(found: dict[str, Any]) -> Letter:
    return msgspec.convert({**found, "id": found["message_id"]}, Letter)
