"""Who belongs to which tenant: read by another service in the same database."""

from lamppost import Database, Function, Service

from . import api

service = Service(
    name="members",
    database=Database("desk", secret="desk/db"),
    functions=(Function(name="api", handler=api.nothing),),
)
