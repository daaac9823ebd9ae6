"""Users over HTTP. Whoever calls is who the token says; what they may do in an organisation its rows say."""

import hashlib
import secrets
from typing import Any
from uuid import UUID

from msgspec import UNSET
from psycopg import Connection
from psycopg.errors import UniqueViolation

from lamppost import CallerError, Context, Response, invalid, not_found
from lamppost.db import as_caller, cursors, health, invited, new_tenant, tenant
from services.users import rules, shapes, texts
from services.users.store import memberships, organisations, profiles
from services.users.store.memberships import After

CURSORS = "users/{env}/cursors"


def now(ctx: Context) -> shapes.Now:
    """The time in the database, for anybody: it says that the service and its database work."""
    with ctx.transaction() as db:
        return shapes.utc(shapes.Now(profiles.now(db)))


def healthy(ctx: Context) -> health.Health:
    """Whether people can be looked up."""
    return health.check(ctx)


def sign_up(body: shapes.NewProfile, ctx: Context) -> Response:
    """Make the caller's profile: 201. One that is there already stays as it is, and is shown: 200."""
    name = texts.name("name", body.name)
    email = texts.address("email", body.email) if body.email is not None else None
    with as_caller(ctx) as db:
        made = profiles.create(db, name=name, email=email)
        profile = made or profiles.find(db)
    assert profile is not None, "nobody deletes profiles"
    if made is not None:
        ctx.log.info("profile.made", subject=profile.subject)
    headers = {"cache-control": "no-store"}
    return Response(201 if made is not None else 200, shapes.utc(profile), headers)


def get_profile(ctx: Context) -> shapes.Profile:
    """The caller's profile."""
    with as_caller(ctx) as db:
        return _profile(profiles.find(db))


def change_profile(body: shapes.ProfileChanges, ctx: Context) -> shapes.Profile:
    """Change the caller's profile."""
    name = texts.name("name", body.name) if body.name is not UNSET else None
    email = texts.address("email", body.email) if isinstance(body.email, str) else None
    with as_caller(ctx) as db:
        return _profile(profiles.change(db, name=name, email=email, has_email=body.email is not UNSET))


def found(body: shapes.NewOrganisation, ctx: Context) -> shapes.Organisation:
    """Found an organisation; the caller is its owner. The two are there together, or not at all."""
    name = texts.name("name", body.name)
    with new_tenant(ctx) as db:
        organisations.create(db, name=name)
        memberships.found(db, name=name)
        made = _organisation(organisations.find(db))
    ctx.log.info("organisation.founded", organisation=made.id)
    return made


def my_organisations(
    ctx: Context, limit: shapes.Limit = 20, cursor: shapes.Cursor | None = None
) -> shapes.MyOrganisations:
    """Where the caller is a member, invited or suspended."""
    of = ("my organisations", ctx.caller.subject)
    with as_caller(ctx) as db:
        items = memberships.mine(db, after=_after(ctx, of, cursor), limit=limit + 1)
        following = None
        if len(items) > limit:
            following = _cursor(ctx, of, memberships.place(db, items[limit - 1].membership))
    return shapes.MyOrganisations([shapes.utc(item) for item in items[:limit]], following)


def get_organisation(organisation: UUID, ctx: Context) -> shapes.Organisation:
    """An organisation of the caller's."""
    with tenant(ctx, organisation) as db:
        return _organisation(organisations.find(db))


def rename(organisation: UUID, body: shapes.NewOrganisation, ctx: Context) -> shapes.Organisation:
    """Give an organisation another name; for owners and admins."""
    name = texts.name("name", body.name)
    with tenant(ctx, organisation, roles=rules.MANAGERS) as db:
        return _organisation(organisations.rename(db, name=name))


def members(
    organisation: UUID, ctx: Context, limit: shapes.Limit = 20, cursor: shapes.Cursor | None = None
) -> shapes.Members:
    """Who belongs to an organisation or is invited to it; for its members."""
    of = ("members", organisation)
    with tenant(ctx, organisation) as db:
        items = memberships.page(db, after=_after(ctx, of, cursor), limit=limit + 1)
    following = None
    if len(items) > limit:
        following = _cursor(ctx, of, After(items[limit - 1].created_at, items[limit - 1].id))
    return shapes.Members([shapes.utc(item) for item in items[:limit]], following)


def invite(organisation: UUID, body: shapes.Invitation, ctx: Context) -> shapes.Invited:
    """Invite somebody, for a week; who is invited may not come in yet.

    A subject finds the invitation in their list. For an address there is a code, shown this once: whoever
    brings it is let in, so it belongs into a mail to that address and nowhere else.
    """
    if (body.subject is None) == (body.email is None):
        raise invalid("subject", "one_of", "name a subject or an email, one of the two")
    email = texts.address("email", body.email) if body.email is not None else None
    code = secrets.token_urlsafe(32) if email is not None else None
    with tenant(ctx, organisation) as db:
        rules.check_grant(_held(db), body.role)
        made = memberships.invite(
            db, subject=body.subject, email=email, role=body.role, code_hash=_hash(code)
        )
        if made is None:
            raise CallerError(409, "membership_exists", "this person is a member already")
        membership = _membership(memberships.find(db, made))
    ctx.log.info("member.invited", organisation=organisation, membership=membership.id, role=body.role)
    return shapes.Invited(membership, code)


def accept(organisation: UUID, body: shapes.Acceptance, ctx: Context) -> shapes.Membership:
    """Accept an invitation: by its code, or as the subject it names. Doing it twice changes nothing."""
    code_hash = _hash(body.code)
    found: list[UUID] = []

    def proof(db: Connection[Any]) -> bool:
        invitation = memberships.invitation(db, code_hash=code_hash)
        found.extend([invitation] if invitation is not None else [])
        return invitation is not None

    with invited(ctx, organisation, proof) as db:
        try:
            memberships.accept(db, found[0])
        except UniqueViolation as twice:
            raise CallerError(409, "membership_exists", "you are a member already") from twice
        membership = memberships.find(db, found[0])
        if membership is None or (membership.subject, membership.status) != (ctx.caller.subject, "active"):
            # Between the two somebody withdrew it, or came first with the same code.
            raise not_found("tenant_not_found", "there is no such tenant for you")
    ctx.log.info("member.joined", organisation=organisation, membership=membership.id)
    return shapes.utc(membership)


def change_membership(
    organisation: UUID, id: UUID, body: shapes.MembershipChanges, ctx: Context
) -> shapes.Membership:
    """Change somebody's role, or suspend them and let them in again."""
    with tenant(ctx, organisation) as db:
        acting = _held(db)
        before = _membership(memberships.find(db, id))
        role = body.role if body.role is not UNSET else before.role
        status = body.status if body.status is not UNSET else before.status
        rules.check_change(acting, before.role, role)
        rules.check_status(before.status, status)
        if not memberships.change(db, id, role=role, status=status):
            raise _last_owner()
        after = _membership(memberships.find(db, id))
    ctx.log.info("member.changed", organisation=organisation, membership=id, role=role, status=status)
    return after


def remove_membership(organisation: UUID, id: UUID, ctx: Context) -> None:
    """End a membership or withdraw an invitation; one's own membership anybody may end."""
    with tenant(ctx, organisation) as db:
        acting = _held(db)
        membership = _membership(memberships.find(db, id))
        rules.check_removal(acting, membership.role, own=membership.subject == ctx.caller.subject)
        if not memberships.remove(db, id):
            raise _last_owner()
    ctx.log.info("member.removed", organisation=organisation, membership=id)


def _held(db: Connection[Any]) -> str:
    """The caller's role, once nobody else can change who is what here: they may just have lost it."""
    organisations.hold(db)
    role = memberships.role(db)
    if role is None:
        raise not_found("tenant_not_found", "there is no such tenant for you")
    return role


def _hash(code: str | None) -> bytes | None:
    # The code has 256 random bits: nothing slower is needed to keep it from being guessed.
    return None if code is None else hashlib.sha256(code.encode()).digest()


def _after(ctx: Context, of: tuple[object, ...], cursor: str | None) -> After | None:
    return None if cursor is None else cursors.unseal(ctx.secret(CURSORS), of, cursor, After)


def _cursor(ctx: Context, of: tuple[object, ...], last: After) -> str:
    return cursors.seal(ctx.secret(CURSORS), of, last)


def _profile(profile: shapes.Profile | None) -> shapes.Profile:
    if profile is None:
        raise not_found("profile_not_found", "you have no profile yet: POST one")
    return shapes.utc(profile)


def _organisation(organisation: shapes.Organisation | None) -> shapes.Organisation:
    if organisation is None:
        raise not_found("tenant_not_found", "there is no such tenant for you")
    return shapes.utc(organisation)


def _membership(membership: shapes.Membership | None) -> shapes.Membership:
    if membership is None:
        raise not_found("membership_not_found", "there is no such membership here")
    return shapes.utc(membership)


def _last_owner() -> CallerError:
    return CallerError(409, "last_owner", "an organisation keeps one active owner: make another one first")
