"""A service whose every effect is a row, so that effects can be counted."""

from lamppost import Authorizer, Database, Function, Queue, Rate, Route, Service, minutes, seconds

from . import api

orders = Function(
    name="api",
    routes=(
        Route("POST /order", api.place, status=201),
        Route("PUT /order/{name}", api.put),
        Route("PATCH /order/{name}", api.patch),
        Route("DELETE /order/{name}", api.remove),
        Route("GET /orders", api.count),
        Route("GET /nothing", api.page),
        Route("POST /strict", api.place, status=201, idempotency="required"),
        Route("POST /small", api.place, body_limit=64),
        Route("POST /picture", api.picture),
        Route("POST /large", api.large),
        Route("POST /refused", api.refused),
        Route("POST /returned", api.returned),
        Route("POST /twice", api.twice),
        Route("POST /tenants", api.tenants),
        Route("POST /told", api.told),
        Route("POST /dark", api.dark),
        Route("POST /robbed", api.robbed, refuses=("401 robbed",)),
        Route("POST /renew", api.renew, refuses=("401 refresh_token_invalid",)),
        Route("POST /placed", api.told_by),
        Route("POST /stranger", api.place, public=True),
    ),
    sends=("once-told",),
)
counted = Function(
    name="counted",
    routes=(
        Route("GET /page", api.page, rate="bulk"),
        Route("POST /login", api.page, rate="auth", public=True),
        Route("GET /burst", api.page, rate="slow"),
        Route("GET /plenty", api.page, rate="plenty"),
        Route("POST /counted", api.place, rate="bulk"),
    ),
)
storm = Function(name="storm", routes=(Route("GET /work", api.work),), concurrency=4, timeout=seconds(10))

service = Service(
    name="once",
    database=Database("once", secret="once/db"),
    functions=(orders, counted, storm),
    queues=(Queue(name="once-told"),),
    authorizer=Authorizer(audience=("once",), local=False),
    rates=(Rate("slow", 60, per=minutes(60), burst=2), Rate("plenty", 1_000, per=seconds(1))),
)
