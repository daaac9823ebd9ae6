"""Notes of many tenants: a service to drive hard."""

from lamppost import Authorizer, Database, Function, Route, Service, Tenants

from . import api

notes = Function(
    name="api",
    routes=(
        Route("POST /{tenant_id}/notes", api.create, status=201),
        Route("GET /{tenant_id}/notes/{id}", api.find),
        Route("GET /{tenant_id}/notes", api.listing),
        Route("PUT /{tenant_id}/notes/{id}", api.change),
        Route("DELETE /{tenant_id}/notes/{id}", api.remove),
        Route("GET /{tenant_id}/search", api.search),
        Route("GET /{tenant_id}/export", api.export),
        Route("GET /{tenant_id}/mixed", api.mixed),
        Route("POST /{tenant_id}/pair", api.pair),
        Route("GET /{tenant_id}/slow", api.slow),
        Route("POST /{tenant_id}/broken", api.broken),
        Route("GET /only", api.only),
        Route("GET /mine", api.mine),
        Route("GET /forgotten", api.forgotten),
        Route("POST /tenants", api.found, status=201),
    ),
)

service = Service(
    name="notes",
    database=Database("desk", secret="desk/db"),
    functions=(notes,),
    authorizer=Authorizer(audience=("desk",)),
    tenants=Tenants(memberships="members.memberships", active=("status", "active")),
)
