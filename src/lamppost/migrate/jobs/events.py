"""What a job says while it runs: facts for a program, and by `str()` sentences for people."""

import msgspec


class Begun(msgspec.Struct, frozen=True, tag=True):
    """The walk begins, or goes on behind `last_key`. `rows_estimated` is the planner's guess."""

    name: str
    rows_done: int
    rows_estimated: int
    last_key: str | None

    def __str__(self) -> str:
        if self.last_key is None:
            return f"{self.name}: about {self.rows_estimated:,} rows to go through"
        return f"{self.name}: goes on behind {self.last_key}, {self.rows_done:,} rows are done"


class Batch(msgspec.Struct, frozen=True, tag=True):
    """A batch is committed. Counts are of the whole job; `seconds` is what this batch took."""

    name: str
    last_key: str
    rows: int
    rows_done: int
    rows_estimated: int
    batches: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.name}: {self.rows_done:,} rows done, up to {self.last_key}"


class Throttled(msgspec.Struct, frozen=True, tag=True):
    """The job waits for the database: `signal` stands at `value`, and may be `limit`."""

    name: str
    signal: str
    value: float
    limit: float
    text: str

    def __str__(self) -> str:
        return f"waiting: {self.text}"


class Unthrottled(msgspec.Struct, frozen=True, tag=True):
    """What the job waited for is over."""

    name: str
    seconds: float

    def __str__(self) -> str:
        return f"goes on after {self.seconds:.0f} s of waiting"


class Unseen(msgspec.Struct, frozen=True, tag=True):
    """A signal that this role may not see; it is not watched."""

    name: str
    signal: str
    why: str

    def __str__(self) -> str:
        return f"{self.signal} is not watched: {self.why}"


class Retried(msgspec.Struct, frozen=True, tag=True):
    """A batch did not get through and is tried again with so many `rows`."""

    name: str
    attempt: int
    why: str
    rows: int

    def __str__(self) -> str:
        return f"{self.name}: {self.why}; trying again with {self.rows:,} rows"


JobEvent = Begun | Batch | Throttled | Unthrottled | Unseen | Retried
