"""Preview stages that stand on AWS: found by their tags, and taken down when their time is over."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol

import msgspec

from lamppost.cloud.stages import EPHEMERAL

SYSTEM, STAGE, EXPIRES = "lamppost:system", "lamppost:stage", "lamppost:expires"
_NAME = re.compile(rf"{EPHEMERAL}-[0-9]{{1,4}}")
_GONE = "DELETE_COMPLETE"


class Stacks(Protocol):
    """As much of CloudFormation as is used here; boto3's client is one."""

    @property
    def get_paginator(self) -> Callable[[str], Any]:
        """Pages of `describe_stacks`."""

    @property
    def delete_stack(self) -> Callable[..., Any]:
        """Begin to delete `StackName`."""

    @property
    def get_waiter(self) -> Callable[[str], Any]:
        """`stack_delete_complete`."""


class Preview(msgspec.Struct, frozen=True):
    """A preview stage: its stacks, the newest first, and when it ends. None: nobody said when."""

    stage: str
    stacks: tuple[str, ...]
    expires: datetime | None

    def over(self, now: datetime) -> bool:
        """Whether its time has passed."""
        return self.expires is not None and self.expires <= now


def standing(client: Stacks, system: str) -> tuple[Preview, ...]:
    """Every preview of `system` in the client's region, by number."""
    described = [
        stack
        for page in client.get_paginator("describe_stacks").paginate()
        for stack in page["Stacks"]
        if stack["StackStatus"] != _GONE
    ]
    return tuple(sorted(_previews(described, system), key=lambda each: int(each.stage.partition("-")[2])))


def _previews(described: Iterable[dict[str, Any]], system: str) -> Iterator[Preview]:
    held: dict[str, list[dict[str, Any]]] = {}
    for stack in described:
        tags = _tags(stack)
        # Only what carries both of our tags, and the name of a preview: never dev, staging or prod.
        if tags.get(SYSTEM) == system and _NAME.fullmatch(tags.get(STAGE, "")):
            held.setdefault(tags[STAGE], []).append(stack)
    for stage, stacks in held.items():
        stacks.sort(key=lambda stack: (stack["CreationTime"], stack["StackName"]), reverse=True)
        # While a preview is deployed again its stacks get the later time one after another.
        times = [time for stack in stacks if (time := _time(_tags(stack).get(EXPIRES))) is not None]
        yield Preview(stage, tuple(stack["StackName"] for stack in stacks), max(times, default=None))


def _tags(stack: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())}


def _time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def take_down(client: Stacks, preview: Preview) -> None:
    """Delete its stacks, the newest first: none goes before those that need it.

    Run twice, or after a crash, it deletes what is left. Raises botocore's errors where AWS refuses.
    """
    for name in preview.stacks:
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name)
