"""What a service of the AWS port is given, what it gives back, and how it refuses."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from lamppost.errors import CallerError

Given = dict[str, Any]
Answer = dict[str, Any]


class Call(msgspec.Struct, frozen=True):
    """One decoded request. `given` is shaped as in AWS's model; `host` is where the caller reached us."""

    service: str
    operation: str
    given: Given
    host: str


Operation = Callable[[Call], Awaitable[Answer]]


class Service(Protocol):
    """One AWS service. What is not in `operations` is refused."""

    @property
    def name(self) -> str:
        """The service's name in AWS's models, `sqs`."""
        ...

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What it can do, by AWS's names."""
        ...

    def needs(self, call: Call) -> Iterable[tuple[str, str]]:
        """The IAM actions and resources (ARNs) that `call` needs."""
        ...


def refused(code: str, detail: str, *, status: int = 400) -> CallerError:
    """AWS's refusal: `code` is the error's name in AWS's model."""
    return CallerError(status, code, detail)


def present(**members: Any) -> Answer:
    """An answer without the members that are None."""
    return {name: value for name, value in members.items() if value is not None}
