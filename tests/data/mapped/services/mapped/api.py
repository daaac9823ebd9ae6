"""Handlers of every kind of answer, and refusals in words of their own."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from lamppost import CallerError, Context, Problem, Response

WORDS = {400: "bad", 404: "missing", 422: "unfit", 405: "not_offered"}


class Complaint(msgspec.Struct):
    """What callers of this service have always been told."""

    error: str
    message: str
    details: list[str] = []


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """A wish."""

    text: Annotated[str, Meta(min_length=1, max_length=20)]


class Granted(msgspec.Struct, tag="granted"):
    """It came true."""

    text: str


class Denied(msgspec.Struct, tag="denied"):
    """It did not."""

    why: str


def complain(problem: Problem) -> Complaint:
    """The shape of refusals."""
    details = [f"{field.path} {field.code}" for field in problem.errors]
    return Complaint(WORDS.get(problem.status, "other"), problem.detail, details)


def wish(body: Wish) -> Granted | Denied:
    """Wish for something.

    It may be granted.
    """
    if body.text == "gold":
        raise CallerError(409, "sold_out", "there is none left")
    if body.text == "lead":
        raise CallerError(409, "nobody_said_so", "this is stated nowhere")
    return Granted(body.text)


def search(
    limit: Annotated[int, Meta(ge=1, le=50)] = 20,
    word: str | None = None,
    exact: bool = False,
    since: datetime | None = None,
) -> list[str]:
    """Look for wishes."""
    return [f"{limit} {word} {exact} {since}"]


def picture(id: UUID) -> Response:
    """A picture of one."""
    return Response(200, b"\x89PNG", {"content-type": "image/png"})


def anything(rest: str, ctx: Context) -> dict[str, Any] | None:
    """Whatever is asked."""
    return {"rest": rest}


def forget(id: UUID) -> None:
    """Forget one."""
    raise CallerError(404, "no_wish", f"there is no {id}")
