"""Where a service's tenants and their members are written down."""

import re

import msgspec

from lamppost.errors import AuthorError

_NAME = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")


class Tenants(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rows are whose, and who belongs to whom.

    `memberships` is a table (`users.memberships`) with one row per person and tenant: `subject` is the
    person's id as the token says it, `role` what the person may do there. `active` names a column and the
    value it has in rows that count: `("status", "active")`. The column `tenant`, of type uuid, has the same
    name in every table that belongs to tenants.
    """

    memberships: str
    tenant: str = "tenant_id"
    subject: str = "subject"
    role: str = "role"
    active: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        schema, _, table = self.memberships.partition(".")
        columns = (self.tenant, self.subject, self.role, *(self.active or ())[:1])
        for name in (schema, table, *columns):
            if not _NAME.match(name):
                raise AuthorError(
                    f"tenants: {name!r} is no name of a schema, table or column",
                    fix='write Tenants(memberships="users.memberships"), columns in lower case',
                    code="tenants_name",
                )

    @property
    def schema(self) -> str:
        """The schema of the memberships: the service that owns them."""
        return self.memberships.partition(".")[0]

    @property
    def table(self) -> str:
        """The memberships' table without its schema."""
        return self.memberships.partition(".")[2]
