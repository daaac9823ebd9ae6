"""An API behind a JWT authorizer."""

from lamppost import Authorizer, Function, Route, Service, minutes

from . import api

people = Function(
    name="api",
    routes=(
        Route("GET /whoami", api.whoami),
        Route("GET /things/{id}", api.thing),
        Route("GET /written", api.whoami, scopes=("things/write",)),
        Route("GET /both", api.whoami, scopes=("things/read", "things/write")),
        Route("GET /open", api.open_door, public=True),
    ),
)

service = Service(
    name="guarded",
    functions=(people,),
    authorizer=Authorizer(audience=("guarded-app", "other-app"), lifetime=minutes(30)),
)
