"""The question as a whole: does this database keep its tenants apart?"""

from lamppost.derive.manifest import Manifest
from lamppost.diagnose.finding import Finding
from lamppost.diagnose.tenancy import code, keys, policies, rights, roles, tables
from lamppost.diagnose.tenancy.rule import Connection, Scope, ask, parameters
from lamppost.migrate import provision

RULES = (*tables.RULES, *keys.RULES, *code.RULES, *rights.RULES, *roles.RULES)


def leaks(connection: Connection, scope: Scope) -> list[Finding]:
    """What would show one tenant another's rows; none when all walls stand. Reads only the catalog.

    Any role may ask. A test of a service says `assert leaks(db, scope) == []`.
    """
    with connection.transaction(force_rollback=True):
        # PostgreSQL leaves a schema's name out where the search path leads there: let it lead nowhere.
        connection.execute("select set_config('search_path', '', true)")
        given = parameters(connection, scope)
        found = policies.findings(connection, given)
        for rule in RULES:
            found += ask(connection, rule, given)
    return found


def scopes(manifest: Manifest) -> dict[str, list[Scope]]:
    """Per database what to look at: the schemas of services that have tenants, and of their memberships."""
    found: dict[str, list[Scope]] = {}
    for database, (_, services) in manifest.databases().items():
        names = provision.roles(database)
        for tenants in dict.fromkeys(service.tenants for service in services if service.tenants):
            schemas = {service.name for service in services if service.tenants == tenants} | {tenants.schema}
            scope = Scope(tuple(sorted(schemas)), tenants, names.app, names.migrator)
            found.setdefault(database, []).append(scope)
    return found
