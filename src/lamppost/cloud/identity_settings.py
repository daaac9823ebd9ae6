"""What a stage may say of its user pool."""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

_LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,50}[a-z0-9])?")
_RESERVED = ("aws", "amazon", "cognito")
_ADDRESS = re.compile(
    r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/\S*)?|http://localhost(?::[0-9]{1,5})?(?:/\S*)?"
)
# Cognito takes a sender of a domain that SES knows; what is before the @ is anybody's.
_SENDER = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_GROUP = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")


class People(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How people come to an account in a stage.

    `sign_up`: whether `anyone` may make one, or only the `invited`. `login` is the first label of the hosted
    login page, unique in the region (`{env}` becomes the stage's), with the `callbacks` it may lead back to
    and the `logouts`. `sender` is the address that codes come from, of a domain that SES has verified in the
    stage's region; without one Cognito sends them itself, 50 a day at most. `groups` are noted in tokens.
    `threats` blocks stolen passwords and odd sign-ins, for which Cognito bills its Plus plan.
    """

    sign_up: Literal["anyone", "invited"] = "anyone"
    login: str | None = None
    callbacks: tuple[str, ...] = ()
    logouts: tuple[str, ...] = ()
    sender: str | None = None
    groups: tuple[str, ...] = ()
    threats: bool = False


def mistakes(people: People, *, shared: bool) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to write instead. A `shared` stage stands for many."""
    login = people.login and people.login.replace("{env}", "pr-1")
    if login and (not _LOGIN.fullmatch(login) or any(word in login for word in _RESERVED)):
        yield f"login {people.login!r}", 'use lower-case letters, digits and -, without "aws" or "cognito"'
    if login and shared and "{env}" not in str(people.login):
        yield f"login {people.login!r} for many stages at once", "put {env} into it"
    if bool(people.login) != bool(people.callbacks):
        yield "half a login page: login and callbacks go together", "give both, or leave both out"
    for address in (*people.callbacks, *people.logouts):
        if not _ADDRESS.fullmatch(address) or "#" in address:
            yield f"login address {address!r}", "give https://…, or http://localhost… , without #"
    if people.sender is not None and not _SENDER.fullmatch(people.sender):
        yield f"sender {people.sender!r}", "give the address alone: no-reply@example.com"
    for group in people.groups:
        if not _GROUP.fullmatch(group):
            yield f"group {group!r}", "use letters, digits, - and _, a letter first"
