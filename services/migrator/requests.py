"""The custom resource's properties, as CloudFormation hands them over: every number is a string there."""

from datetime import timedelta
from typing import Any

import msgspec

from lamppost import AuthorError


class Properties(msgspec.Struct, frozen=True, rename="camel"):
    """`digest` names the release. With `live` (service to its newest file) its code serves requests now.

    `soak_hours` says how long that must be so before a contract file goes in; without it none waits.
    """

    digest: str
    live: dict[str, str] | None = None
    soak_hours: float | None = None
    limit_rows: int | None = None

    @property
    def soak(self) -> timedelta | None:
        """The hours as a span of time."""
        return None if self.soak_hours is None else timedelta(hours=self.soak_hours)


def properties(event: dict[str, Any]) -> Properties:
    """The properties of this event. Raises `AuthorError` when they are none of ours."""
    try:
        found = msgspec.convert(event.get("ResourceProperties"), Properties, strict=False)
    except msgspec.ValidationError as wrong:
        raise AuthorError(
            f"the event's ResourceProperties are not ours: {wrong}",
            fix="give the custom resource the property digest; `lamppost synth` does",
            code="migrator_request",
        ) from wrong
    if not found.digest or (found.soak_hours or 0) < 0 or (found.limit_rows or 0) < 0:
        raise AuthorError(
            "the event names no digest, or a negative number",
            fix="give digest, and soakHours and limitRows from 0 on",
            code="migrator_request",
        )
    return found
