"""An API that is guarded on AWS, and open on one machine."""

from lamppost import Authorizer, Function, Route, Service

from . import api

service = Service(
    name="ajar",
    functions=(Function(name="api", routes=(Route("GET /whoami", api.whoami),)),),
    authorizer=Authorizer(audience=("ajar-app",), local=False),
)
