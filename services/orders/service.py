"""Orders: what customers of an organisation ordered, from a draft to its completion."""

from lamppost import Authorizer, Bucket, Database, Function, Route, Secret, Service, Tenants
from services.orders import api, shapes

UNFIT = "422 invalid_text"
NONE = "404 order_not_found"
STATUS = "409 order_status"
CHANGED = "409 order_changed"

BOLTS = {"sku": "bolt-m8", "quantity": 100, "unitPrice": 12}
DRAWING = {
    "name": "drawing.png",
    "type": "image/png",
    "size": 5,
    "checksum": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
}

desk = Function(
    name="api",
    routes=(
        Route("GET /health", api.healthy, public=True, refuses=()),
        Route(
            "POST /orders",
            api.place,
            status=201,
            idempotency="required",
            refuses=(UNFIT,),
            example={"body": {"customer": "Babbage & Sons", "currency": "GBP", "lines": [BOLTS]}},
        ),
        Route("GET /orders", api.listing, refuses=("400 cursor_invalid",)),
        Route("GET /orders/{id}", api.find, refuses=(NONE,)),
        Route(
            "PATCH /orders/{id}",
            api.change,
            refuses=(NONE, STATUS, CHANGED, UNFIT),
            example={"body": {"version": 1, "customer": "Babbage & Daughters"}},
        ),
        Route("DELETE /orders/{id}", api.discard, refuses=(NONE, STATUS)),
        Route("POST /orders/{id}/submit", api.submit, refuses=(NONE, STATUS)),
        Route("POST /orders/{id}/ship", api.ship, refuses=(NONE, STATUS)),
        Route("POST /orders/{id}/complete", api.complete, refuses=(NONE, STATUS)),
        Route("POST /orders/{id}/cancel", api.cancel, refuses=(NONE, STATUS)),
        Route(
            "POST /orders/{id}/attachments",
            api.attach,
            status=201,
            refuses=(UNFIT, NONE, "409 attachments_full"),
            example={"body": DRAWING},
        ),
        Route("GET /orders/{id}/attachments", api.attachments, refuses=(NONE,)),
        Route("POST /orders/{id}/attachments/confirm", api.confirm, refuses=(NONE,)),
        Route(
            "DELETE /orders/{id}/attachments/{attachment}",
            api.detach,
            refuses=(NONE, "404 attachment_not_found"),
        ),
    ),
    reads=("orders/{env}/cursors",),
    stores=("orders-files/attachments",),
    deletes=("orders-files/attachments",),
)

service = Service(
    name="orders",
    named="orders-{env}",
    about="Orders of an organisation's customers, from a draft to its completion.",
    database=Database("app", secret="app/{env}/postgres/credentials"),
    authorizer=Authorizer(audience=("app",)),
    tenants=Tenants(memberships="users.memberships", active=("status", "active")),
    rate="api",
    functions=(desk,),
    buckets=(
        Bucket(
            "orders-files",
            "what people attach to orders",
            types=shapes.FILE_TYPES,
            largest=shapes.FILE_BYTES,
        ),
    ),
    secrets=(Secret("orders/{env}/cursors", "seals the cursors of lists; another value ends those in use"),),
)
