"""What the inbox keeps: deliveries in a file of JSON lines, the newest in memory, neither without bound."""

from collections import deque
from pathlib import Path

import msgspec

KEPT = 10_000
# Of one body; of all in memory; of the file, which then makes room by becoming the one before.
BODY_KEPT = 256 * 1024
MEMORY_KEPT = 64 * 1024 * 1024
FILE_KEPT = 64 * 1024 * 1024


class Arrival(msgspec.Struct, frozen=True):
    """One delivery. `body` is its JSON, or its text where it is not JSON; `answered` the status it got.

    `tries` is which try of its `id` this was (1 the first); `signature` is `fits NAME` of a secret, the
    code of what is wrong with it, or empty without one; `cut` the bytes of the body that were not kept.
    """

    at: float
    path: str
    headers: dict[str, str]
    body: object
    answered: int
    id: str = ""
    tries: int = 1
    signature: str = ""
    cut: int = 0


class Arrivals:
    """Deliveries in `path`, and before them in `path` with `.1` behind it."""

    def __init__(self, path: Path) -> None:
        self._path, self._before = path, path.with_name(f"{path.name}.1")
        self._recent: deque[tuple[int, Arrival]] = deque()
        self._in_memory = 0
        for each in (self._before, path):
            self._load(each)
        self._open()

    def _open(self) -> None:
        # Unbuffered: a line is with the kernel before the sender hears 200.
        self._file = self._path.open("ab", buffering=0)
        self._in_file = self._file.tell()

    def _load(self, path: Path) -> None:
        if not path.exists():
            return
        decoder = msgspec.json.Decoder(Arrival)
        with path.open("rb") as lines:
            for line in lines:
                try:
                    self._keep(len(line), decoder.decode(line))
                except msgspec.DecodeError:
                    continue  # the line a crash cut short

    def add(self, arrival: Arrival) -> None:
        """Keep a delivery: in the file first."""
        line = msgspec.json.encode(arrival) + b"\n"
        if self._in_file + len(line) > FILE_KEPT:
            self._file.close()
            self._path.replace(self._before)
            self._open()
        self._file.write(line)
        self._in_file += len(line)
        self._keep(len(line), arrival)

    def _keep(self, size: int, arrival: Arrival) -> None:
        self._recent.append((size, arrival))
        self._in_memory += size
        while len(self._recent) > KEPT or (self._in_memory > MEMORY_KEPT and len(self._recent) > 1):
            gone, _ = self._recent.popleft()
            self._in_memory -= gone

    def newest(self, limit: int) -> list[Arrival]:
        """The last `limit` deliveries, newest first."""
        return [arrival for (_, arrival), _ in zip(reversed(self._recent), range(limit), strict=False)]

    def clear(self) -> None:
        """Forget them all."""
        self._recent.clear()
        self._in_memory = self._in_file = 0
        self._file.truncate(0)
        self._before.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
