"""A database made ready for its services: two roles, a schema each, and rights that hold without remembering.

`{database}_migrator` owns the database and everything in it and cannot log in; `{database}_app` logs in, owns
nothing, and may read and write the rows of its schemas. So the server itself refuses DDL from a function.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from lamppost.errors import OperatorError
from lamppost.migrate import lock

Connection = psycopg.Connection[tuple[Any, ...]]

PLATFORM_SCHEMA = "lamppost"
# A function's statement never outlives the function, and a frozen one lets go of its rows.
APP_TIMEOUTS = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "10s",
}
WAIT = 60.0

ROLE = "select rolsuper, rolcanlogin, coalesce(rolconfig, '{}') from pg_roles where rolname = %s"
ADMIN = "select rolsuper from pg_roles where rolname = current_user"
MAY_BECOME = "select pg_has_role(current_user, %s, 'member')"
OWNER = "select pg_get_userbyid(datdba) from pg_database where datname = %s"
PUBLIC_MAY_CONNECT = """
select exists (select from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) as acl
                where datname = current_database() and acl.grantee = 0)
"""
SCHEMA_OWNERS = "select nspname, pg_get_userbyid(nspowner) from pg_namespace where nspname = any(%s)"


class Roles(msgspec.Struct, frozen=True):
    """The names of a database's two roles."""

    migrator: str
    app: str


def roles(database: str) -> Roles:
    """The roles of the database of this name."""
    return Roles(f"{database}_migrator", f"{database}_app")


def provision(
    admin_conninfo: str,
    database: str,
    schemas: Sequence[str],
    app_password: str,
    *,
    pending: str | None = None,
) -> None:
    """Make sure that `database` exists with its roles and `schemas`, and that the app role has this password.

    Where the role has the `pending` one already, a rotation is about to make that the right one: it stays.
    `admin_conninfo` leads to any database of the server, as a superuser or a role that may create databases
    and roles. Run it as often as you like, as many at once as you like: what stands already is left alone.
    Raises `OperatorError` for missing rights and for roles that are more than they should be.
    """
    names = roles(database)
    with _connected(admin_conninfo) as admin:
        lock.take(admin, lock.PROVISIONING, wait=WAIT, waiting=_in_silence)
        _ensure_role(admin, names.migrator, login=False)
        _ensure_role(admin, names.app, login=True)
        _ensure_membership(admin, names.migrator)
        _ensure_timeouts(admin, names.app)
        _ensure_database(admin, database, names.migrator)
        inner = make_conninfo(admin_conninfo, dbname=database)
        if pending is None or not _opens(inner, names.app, pending):
            _ensure_password(admin, inner, names.app, app_password)
        # Still under the lock of the admin's database: all provisioners of this server meet there.
        with _connected(inner) as inside:
            _ensure_inside(inside, names, (PLATFORM_SCHEMA, *schemas))


def give_password(admin_conninfo: str, database: str, password: str) -> None:
    """Make sure that the app role of `database`, which stands already, has this password.

    Raises `OperatorError` for missing rights.
    """
    with _connected(admin_conninfo) as admin:
        lock.take(admin, lock.PROVISIONING, wait=WAIT, waiting=_in_silence)
        _ensure_password(admin, make_conninfo(admin_conninfo, dbname=database), roles(database).app, password)


def _ensure_role(admin: Connection, name: str, *, login: bool) -> None:
    row = admin.execute(ROLE, (name,)).fetchone()
    if row is None:
        text = "create role {} login" if login else "create role {} nologin"
        admin.execute(sql.SQL(text).format(sql.Identifier(name)))
    elif row[0]:
        raise OperatorError(
            f"the role {name!r} is a superuser: no row-level security would hold for it",
            fix=f'run: alter role "{name}" nosuperuser',
            code="provision_superuser",
        )
    elif row[1] != login:
        text = "alter role {} login" if login else "alter role {} nologin"
        admin.execute(sql.SQL(text).format(sql.Identifier(name)))


def _ensure_membership(admin: Connection, migrator: str) -> None:
    """Let an administrator who is no superuser act as the migrator, which making the role does not imply."""
    row = admin.execute(ADMIN).fetchone()
    if row is not None and row[0]:
        return
    since_16 = admin.info.server_version >= 160000
    may = admin.execute(
        MAY_BECOME if not since_16 else MAY_BECOME.replace("member", "set"), (migrator,)
    ).fetchone()
    if may is None or not may[0]:
        text = (
            "grant {} to current_user with inherit true, set true" if since_16 else "grant {} to current_user"
        )
        admin.execute(sql.SQL(text).format(sql.Identifier(migrator)))


def _ensure_timeouts(admin: Connection, app: str) -> None:
    row = admin.execute(ROLE, (app,)).fetchone()
    standing = set(row[2]) if row is not None else set()
    for name, value in APP_TIMEOUTS.items():
        if not any(entry.startswith(f"{name}=") for entry in standing):
            # What an operator set otherwise stays as it is.
            admin.execute(
                sql.SQL("alter role {} set {} = {}").format(
                    sql.Identifier(app), sql.Identifier(name), sql.Literal(value)
                )
            )


def _ensure_database(admin: Connection, database: str, owner: str) -> None:
    row = admin.execute(OWNER, (database,)).fetchone()
    words = {"database": sql.Identifier(database), "owner": sql.Identifier(owner)}
    if row is None:
        admin.execute(sql.SQL("create database {database} owner {owner}").format(**words))
    elif row[0] != owner:
        admin.execute(sql.SQL("alter database {database} owner to {owner}").format(**words))


def _ensure_password(admin: Connection, conninfo: str, app: str, password: str) -> None:
    """Set the password where it does not open the door yet. The server sees its SCRAM verifier only."""
    if not _opens(conninfo, app, password):
        verifier = admin.pgconn.encrypt_password(password.encode(), app.encode(), b"scram-sha-256").decode()
        admin.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(app), sql.Literal(verifier)))


def _opens(conninfo: str, user: str, password: str) -> bool:
    try:
        psycopg.connect(make_conninfo(conninfo, user=user, password=password), connect_timeout=10).close()
    except psycopg.OperationalError:
        return False
    return True


def _ensure_inside(inside: Connection, names: Roles, schemas: Sequence[str]) -> None:
    """What lies in the database itself, done as its owner."""
    inside.execute(sql.SQL("set role {}").format(sql.Identifier(names.migrator)))
    open_to_all = inside.execute(PUBLIC_MAY_CONNECT).fetchone()
    if open_to_all is None or open_to_all[0]:
        _close_to_others(inside, names)
    standing: dict[str, str] = dict(inside.execute(SCHEMA_OWNERS, (list(schemas),)).fetchall())
    for schema in dict.fromkeys(schemas):
        if schema not in standing:
            _create_schema(inside, names, schema)
        elif standing[schema] != names.migrator:
            raise OperatorError(
                f"schema {schema!r} of database {inside.info.dbname!r} belongs to {standing[schema]!r}",
                fix=f'run: alter schema "{schema}" owner to "{names.migrator}"',
                code="provision_owner",
            )


def _close_to_others(inside: Connection, names: Roles) -> None:
    """One system's role has no business in another system's database."""
    words = {"app": sql.Identifier(names.app), "database": sql.Identifier(inside.info.dbname)}
    with inside.transaction():
        inside.execute(sql.SQL("grant connect, temporary on database {database} to {app}").format(**words))
        inside.execute("revoke create on schema public from public")
        inside.execute(sql.SQL("revoke all on database {database} from public").format(**words))


def _create_schema(inside: Connection, names: Roles, schema: str) -> None:
    """A schema and the rights to its future objects, together or not at all."""
    words = {
        "schema": sql.Identifier(schema),
        "app": sql.Identifier(names.app),
        "migrator": sql.Identifier(names.migrator),
    }
    with inside.transaction():
        for text in (
            "create schema {schema} authorization {migrator}",
            "grant usage on schema {schema} to {app}",
            "alter default privileges for role {migrator} in schema {schema}"
            " grant select, insert, update, delete on tables to {app}",
            "alter default privileges for role {migrator} in schema {schema}"
            " grant usage, select on sequences to {app}",
            "alter default privileges for role {migrator} in schema {schema}"
            " grant execute on functions to {app}",
        ):
            inside.execute(sql.SQL(text).format(**words))


@contextmanager
def _connected(conninfo: str) -> Iterator[Connection]:
    connection = psycopg.connect(conninfo, autocommit=True, application_name="lamppost provision")
    try:
        yield connection
    except psycopg.errors.InsufficientPrivilege as refused:
        raise OperatorError(
            f"the role {connection.info.user!r} may not prepare databases: {str(refused).strip()}",
            fix=f'let an administrator run: alter role "{connection.info.user}" createdb createrole',
            code="postgres_rights",
        ) from refused
    finally:
        connection.close()


def _in_silence(holder: str) -> None:
    """Another provisioner is done in milliseconds: no word about it."""
