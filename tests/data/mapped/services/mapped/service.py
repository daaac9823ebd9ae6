"""A service that had its own shape of refusals before it came here."""

from lamppost import Authorizer, Function, Problems, Route, Service

from . import api

wishes = Function(
    name="api",
    routes=(
        Route(
            "POST /wish", api.wish, status=201, refuses=("409 sold_out",), example={"body": {"text": "rain"}}
        ),
        Route("GET /wish", api.search, refuses=()),
        Route("GET /wish/{id}", api.picture, answers={200: bytes, 206: bytes}, refuses=()),
        Route("DELETE /wish/{id}", api.forget, refuses=("404 no_wish",), scopes=("wish/forget",)),
        Route("ANY /any/{rest+}", api.anything),
    ),
)

service = Service(
    name="mapped",
    about="grants wishes",
    version="3.0.0",
    functions=(wishes,),
    authorizer=Authorizer(audience=("mapped",), local=False),
    problems=Problems(api.complain, statuses=((422, 400),)),
)
