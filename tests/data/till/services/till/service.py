"""A shop's till: it hears of payments from whoever takes them."""

from lamppost import Database, Function, Route, Secret, Service

from . import api

service = Service(
    name="till",
    prefix="till",
    database=Database("till", secret="till/db-credentials"),
    functions=(
        Function(name="api", routes=(Route("POST /paid", api.paid, status=204),), reads=("till/webhook",)),
    ),
    secrets=(Secret("till/webhook", "what the payment provider signs with"),),
)
