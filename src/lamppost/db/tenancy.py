"""Work inside one tenant: row-level security hides every row of the others.

Which tenant, and as what, is decided by a membership's row, never by a token's claim or a header alone. What
the policies compare with is set for one transaction (`SET LOCAL`): behind PgBouncer or RDS Proxy the next
transaction of the session knows nothing of it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from uuid import UUID, uuid4

import msgspec

from lamppost.db import tenant_sql
from lamppost.db.connect import Connection
from lamppost.declare.context import Context
from lamppost.declare.tenancy import Tenants
from lamppost.errors import AuthorError, CallerError, LamppostError, OperatorError

_UUID_CHARS = 36


class Member(msgspec.Struct, frozen=True):
    """For whom a transaction works: the tenant, the caller (`""` when nobody calls) and their role in it."""

    tenant: UUID
    subject: str
    role: str


Tell = Callable[[Connection], Member]


class Inside(AbstractContextManager[Connection]):
    """A transaction inside a tenant; `member` says as whom, once it is entered."""

    __slots__ = ("_ctx", "_stack", "_tell", "member")

    def __init__(self, ctx: Context, tell: Tell) -> None:
        self._ctx = ctx
        self._tell = tell
        self._stack = ExitStack()
        self.member: Member

    def __enter__(self) -> Connection:
        """Begin, look up, set: when this raises, nothing of it stays."""
        with ExitStack() as stack:
            db = stack.enter_context(self._ctx.transaction())
            self.member = self._tell(db)
            self._stack = stack.pop_all()
        return db

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Commit, or roll back what raised."""
        return self._stack.__exit__(kind, error, trace)


def tenant(ctx: Context, requested: str | UUID | None = None, *, roles: tuple[str, ...] = ()) -> Inside:
    """A transaction that sees and changes one tenant's rows: the `requested`, or the caller's only one.

        with tenant(ctx, organisation) as db:
            return store.tasks(db)

    Raises `CallerError`: 401 without a caller; 404 when the caller is no active member of `requested`,
    whether it exists or not; without `requested`, 403 for a caller with no membership and 400
    (`tenant_required`) for one with several; 403 when the membership's role is none of `roles`.
    Keep the object to learn more: `here = tenant(ctx)`, then `here.member.role` inside.

    One transaction belongs to one tenant: inside one that works for another, it raises `AuthorError`.
    """
    subject, tenants, wanted = ctx.caller.subject, ctx.tenants, _id(requested)

    def tell(db: Connection) -> Member:
        members, found, role = tenant_sql.enter(db, tenants, subject, wanted)
        if members != 1:
            raise _refusal(tenants, members, wanted)
        if roles and role not in roles:
            raise CallerError(403, "role_required", f"this needs the role {' or '.join(roles)}")
        return Member(UUID(found), subject, role)

    return Inside(ctx, tell)


def new_tenant(ctx: Context, *, role: str = "owner") -> Inside:
    """A transaction inside a tenant that does not exist yet, with a fresh id, for a sign-up.

    The caller is `role` in it until the end; the handler writes the tenant's row and the first membership.
    """
    member = Member(uuid4(), ctx.caller.subject, role)

    def tell(db: Connection) -> Member:
        tenant_sql.set_tenant(db, str(member.tenant), caller=member.subject, role=role)
        return member

    return Inside(ctx, tell)


def invited(ctx: Context, tenant: UUID, proof: Callable[[Connection], bool]) -> Inside:
    """A transaction inside a `tenant` that the caller may join, with no role, until they are a member.

    `proof` asks the tenant's tables for the invitation. Without one nothing of this stays, and the answer is
    the 404 of a tenant that does not exist.
    """
    member = Member(tenant, ctx.caller.subject, "")

    def tell(db: Connection) -> Member:
        tenant_sql.set_tenant(db, str(tenant), caller=member.subject, role="")
        if not proof(db):
            raise _foreign()
        return member

    return Inside(ctx, tell)


def act_for(ctx: Context, tenant: UUID) -> Inside:
    """A transaction inside `tenant` where nobody calls: for a queue's message, a schedule's tick.

    The id must come from our own rows or messages. Raises `AuthorError` in a function that answers HTTP.
    """
    if ctx.kind == "http":
        raise AuthorError(
            f"{ctx.function} answers HTTP, and acts for a tenant without asking who calls",
            fix="use tenant(ctx, ...): it looks the caller's membership up",
            code="tenant_unasked",
        )
    member = Member(tenant, "", "")

    def tell(db: Connection) -> Member:
        tenant_sql.set_tenant(db, str(tenant), caller="", role="")
        return member

    return Inside(ctx, tell)


@contextmanager
def as_caller(ctx: Context) -> Iterator[Connection]:
    """A transaction of the caller in no tenant: only policies about `lamppost.user_id()` show rows.

    To list the caller's own memberships, or to accept an invitation.
    """
    subject = ctx.caller.subject
    with ctx.transaction() as db:
        tenant_sql.set_caller(db, subject)
        yield db


def _id(given: str | UUID | None) -> str | None:
    if given is None or isinstance(given, UUID):
        return None if given is None else str(given)
    try:
        parsed = UUID(given)
    except ValueError:
        raise _foreign() from None
    # UUID() takes braces, URNs and no hyphens too; one tenant has one name.
    if len(given) != _UUID_CHARS:
        raise _foreign()
    return str(parsed)


def _refusal(tenants: Tenants, members: int, requested: str | None) -> LamppostError:
    if requested is not None and members > 1:
        return OperatorError(
            f"{tenants.memberships} holds two memberships of one caller in one tenant",
            fix=f"remove one, and add unique ({tenants.tenant}, {tenants.subject})",
            code="membership_twice",
        )
    if requested is not None:
        return _foreign()
    if members:
        return CallerError(400, "tenant_required", "you belong to several tenants: name the one you mean")
    return CallerError(403, "no_membership", "you belong to no tenant")


def _foreign() -> CallerError:
    return CallerError(404, "tenant_not_found", "there is no such tenant for you")
