"""Checks of the databases: they answer, their tables fit the files, and nobody may more than they should."""

from collections.abc import Iterator

import msgspec
import psycopg

from lamppost.declare import names
from lamppost.declare.tenancy import Tenants
from lamppost.diagnose.finding import Finding
from lamppost.diagnose.place import Place
from lamppost.diagnose.tenancy import rights, roles
from lamppost.diagnose.tenancy.leaks import leaks, scopes
from lamppost.diagnose.tenancy.rule import Scope, ask, parameters
from lamppost.local.settings import Settings
from lamppost.migrate import indexes, plan
from lamppost.migrate.files import discover
from lamppost.migrate.provision import roles as roles_of

_SHIFT = "select shift from lamppost.clock where shift <> '0'"
# What holds for every database, with tenants or without.
_APP_RULES = ("role_unbound", "role_owner", "role_member", "app_may_create", "grant_option")


def answering(place: Place) -> Iterator[Finding]:
    """Whether each database answers, to its administrator and to the functions."""
    if place.server is None:
        yield Finding(
            "no_server", "wrong", str(place.data), "there is no database server yet", "lamppost up makes one"
        )
        return
    for database, why in place.reachable.items():
        if why:
            yield Finding(
                "database_unreachable",
                "wrong",
                database,
                why,
                "lamppost up (it also makes databases that are missing)",
            )
        elif place.postgres is None:
            yield from _as_function(place, database)


def _as_function(place: Place, database: str) -> Iterator[Finding]:
    entry, _ = place.services.databases()[database]
    secret = names.physical(entry.secret, names.LOCAL_ENV)
    kept = Settings(place.data).secrets.get(secret)
    if kept is None:
        yield Finding("secret_missing", "wrong", secret, f"nothing opens {database}", "lamppost up makes it")
        return
    try:
        given = msgspec.json.decode(kept, type=dict[str, object])
        psycopg.connect(
            host=str(given["host"]),
            port=str(given["port"]),
            user=str(given["username"]),
            password=str(given["password"]),
            dbname=database,
            connect_timeout=5,
        ).close()
    except (msgspec.DecodeError, KeyError) as error:
        what = f"its value is no {{username, password, host, port}}: {type(error).__name__}"
        yield Finding("secret_unfit", "wrong", secret, what, "correct it: lamppost secrets set")
    except psycopg.Error as error:
        yield Finding(
            "secret_refused",
            "wrong",
            secret,
            f"functions cannot open {database}: {str(error).strip().splitlines()[-1]}",
            "start the system again: lamppost up sets the role's password to the secret's",
        )


def migrations(place: Place) -> Iterator[Finding]:
    """Whether each database has the files of its services."""
    for database, db in place.each():
        _, services = place.services.databases()[database]
        folders = [(service.name, place.root / service.folder / "migrations") for service in services]
        for entry in plan.status(db, discover(folders)).entries:
            if entry.state in plan.REFUSED:
                yield Finding(
                    f"migration_{entry.state}",
                    "wrong",
                    f"{database}: {entry.name}",
                    entry.about.partition("\n")[0],
                    "lamppost migrate plan says what to do",
                )
            elif entry.state in ("pending", "unfinished"):
                yield Finding(
                    f"migration_{entry.state}",
                    "wrong",
                    f"{database}: {entry.name}",
                    "it was not applied" if entry.state == "pending" else entry.about,
                    "lamppost migrate apply",
                )


def broken_indexes(place: Place) -> Iterator[Finding]:
    """Indexes that an interrupted build left."""
    for database, db in place.each():
        for schema, index, table in indexes.invalid(db):
            yield Finding(
                "index_invalid",
                "wrong",
                f"{database}: {schema}.{index}",
                f"every write to {table} pays for it, and no query uses it",
                f"drop index concurrently {schema}.{index}; then run its migration again",
            )


def app_role(place: Place) -> Iterator[Finding]:
    """Whether a function's role may do more than read and write rows."""
    for database, db in place.each():
        found = roles_of(database)
        schemas = tuple(service.name for service in place.services.databases()[database][1])
        scope = Scope(schemas, Tenants(memberships="no.memberships"), found.app, found.migrator)
        given = parameters(db, scope)
        for rule in (*roles.RULES, *rights.RULES):
            if rule.code in _APP_RULES:
                for finding in ask(db, rule, given):
                    yield msgspec.structs.replace(finding, where=f"{database}: {finding.where}")


def tenants(place: Place) -> Iterator[Finding]:
    """Whether the walls between tenants stand."""
    wanted = scopes(place.services)
    for database, db in place.each():
        for scope in wanted.get(database, ()):
            for finding in leaks(db, scope):
                yield msgspec.structs.replace(finding, where=f"{database}: {finding.where}")


def clock(place: Place) -> Iterator[Finding]:
    """Whether the system's time is not the wall's."""
    for database, db in place.each():
        try:
            row = db.execute(_SHIFT).fetchone()
        except psycopg.errors.UndefinedTable:
            continue
        if row is not None:
            yield Finding(
                "clock_shifted",
                "advice",
                f"{database}: lamppost.clock",
                f"the system's time is {row[0]} from the wall's: what is due now is not what you think",
                "lamppost clock reset",
            )
