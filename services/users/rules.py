"""Who may do what to whose membership. Pure; what is refused says why.

A viewer and a member see who is there, and may leave. An admin invites, changes, suspends and removes whoever
is no owner, and makes nobody an owner. An owner may do all of it. That one active owner always remains is
not decided here but where it is written (`store.memberships`).
"""

from typing import Literal

from lamppost import CallerError

Role = Literal["owner", "admin", "member", "viewer"]
Status = Literal["invited", "active", "suspended"]

MANAGERS = ("owner", "admin")


def check_grant(acting: str, role: str) -> None:
    """Refuse to give `role` to somebody, unless who is `acting` may. Raises `CallerError`."""
    if acting not in MANAGERS:
        raise _refusal("owner or admin")
    if role == "owner" and acting != "owner":
        raise _refusal("owner")


def check_change(acting: str, before: str, after: str) -> None:
    """Refuse to change a membership of role `before` into one of role `after`. Raises `CallerError`."""
    check_grant(acting, after)
    check_grant(acting, before)


def check_status(before: Status, after: Status) -> None:
    """Refuse to let somebody in who has not accepted. Raises `CallerError`."""
    if before == "invited" and after != "invited":
        raise CallerError(409, "not_accepted", "this person is invited, and has not accepted yet")


def check_removal(acting: str, role: str, *, own: bool) -> None:
    """Refuse to remove a membership of `role`; one's `own` anybody may end. Raises `CallerError`."""
    if not own:
        check_grant(acting, role)


def _refusal(needed: str) -> CallerError:
    return CallerError(403, "role_required", f"this needs the role {needed}")
